"""The machine's own speed: measured on a table of its own, before and after each measurement."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from paidonce import reports
from paidonce.harness.backends.postgres_admin import connect
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.cli.main import app
from paidonce.harness.errors import PaidonceError
from paidonce.harness.load.observe.yardstick import Yardstick


def databases(server: EmbeddedPostgres) -> list[tuple[object, ...]]:
    with connect(server.url()) as connection:
        return connection.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()


def test_it_measures_again_and_again_and_leaves_nothing(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    before = databases(postgres)
    with Yardstick(postgres, tmp_path / "logs" / "pgbench.log") as yardstick:
        assert len(databases(postgres)) == len(before) + 1
        assert yardstick.measure() > 0
        assert yardstick.measure() > 0
    assert databases(postgres) == before


def test_a_measurement_that_failed_is_no_measurement(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with Yardstick(postgres, tmp_path / "pgbench.log") as yardstick:
        (tmp_path / "yardstick.sql").write_text("SELECT nothing FROM nowhere;\n")
        with pytest.raises(PaidonceError, match=r'(?s)pgbench ended .*"nowhere" does not exist'):
            yardstick.measure()


@pytest.mark.slow
def test_each_of_repeated_measurements_has_the_speed_of_the_machine(tmp_path: Path) -> None:
    command = ["load", "--guard", "claim", "--users", "2", "--seconds", "3", "--warmup", "0.2"]
    command += ["--repeat", "3", "--no-limits", "--out", str(tmp_path / "run")]
    made = CliRunner().invoke(app, command)
    assert made.exit_code == 0, made.output
    loads = reports.load(tmp_path / "run").loads
    assert [one.round for one in loads] == [1, 2, 3]
    assert all(one.yardstick and one.yardstick > 0 for one in loads)
    same = CliRunner().invoke(app, ["compare", str(tmp_path / "run"), str(tmp_path / "run")])
    assert same.exit_code == 0, same.output
    assert "no guard is slower" in same.output
