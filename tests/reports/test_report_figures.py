"""The figures as tables: CSV beside each report, and both formats by command."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import msgspec
import pytest
from reports_sample import load, sample
from sample_history import MS, write_history
from sample_sweeps import swept

from paidonce import reports
from paidonce.harness.cli.figures import figures_command
from paidonce.harness.errors import UsageError
from paidonce.harness.history import (
    Action,
    Completed,
    Ended,
    Header,
    Invoked,
    OrderCreated,
    Outcome,
)
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof
from paidonce.reports.formats.tables import as_csv
from paidonce.reports.load.figures import OPERATION, measurements

HISTORY = "histories/claim/load.jsonl"


def written(folder: Path) -> Proof:
    """A proof with one measurement, and its history in ``folder``."""
    one = msgspec.structs.replace(load("claim", 7), history=HISTORY)
    proof = msgspec.structs.replace(sample(with_loads=False), cells=(), loads=(one,))
    window = {"measured_from_ns": str(10 * MS), "measured_to_ns": str(50 * MS)}
    write_history(
        folder / HISTORY,
        [
            Header(run="load", scenario="load-hot", target="reference", settings=window),
            OrderCreated(t=0, order="o", amount=100, currency="usd"),
            Invoked(t=1 * MS, op=1, attempt="user 1", action=Action.PAY, order="o", key="k"),
            Invoked(t=2 * MS, op=2, attempt="user 2", action=Action.PAY, order="o", late=3 * MS),
            Completed(t=9 * MS, op=1, outcome=Outcome.OK, status=200, retries=2),
            Completed(t=42 * MS, op=2, outcome=Outcome.REJECTED, status=409, code="already, paid"),
            Invoked(t=60 * MS, op=3, attempt="user 1", action=Action.READ, order="o"),
            Ended(t=61 * MS),
        ],
    )
    reports.write_all(reports.assess(proof), folder)
    return proof


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_report_with_load_has_its_figures_as_csv(tmp_path: Path) -> None:
    proof = swept()
    path = reports.write_all(reports.assess(proof), tmp_path)["csv"]
    found = rows(path.read_text())
    assert len(found) == len(proof.loads)
    first, one = found[0], proof.loads[0]
    assert (first["guard"], first["pattern"], first["round"]) == ("row_lock", "pay hot:1", "1")
    assert first["conditions_stripe_latency_ms"] == "20"
    assert first["sound"] == "true"
    assert float(first["p99_ms"]) == one.latency.p99
    assert float(first["throughput"]) == pytest.approx(one.throughput)
    assert (first["rate"], first["postgres"]) == ("", "embedded PostgreSQL 18.4")
    assert first["verdict_one_charge"] == "valid"
    assert "csv" not in reports.write_all(
        reports.assess(sample(with_loads=False)), tmp_path / "none"
    )


def test_every_measurement_has_the_same_columns() -> None:
    plain, told = load("claim", 1), load("none", 2)
    told = msgspec.structs.replace(told, outcomes={"ok": 1}, verdicts=())
    both = measurements(msgspec.structs.replace(sample(), loads=(told, plain)))
    assert list(both[0]) == list(both[1])
    assert (both[0]["rejected"], both[0]["verdict_one_charge"]) == (0, None)
    assert as_csv([]) == b"\r\n"


def test_operations_are_written_one_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path)
    assert figures_command(tmp_path, each=True) == 0
    first, second, third = rows(capsys.readouterr().out)
    assert list(first) == list(OPERATION)
    assert (first["guard"], first["client"], first["key"]) == ("claim", "user 1", "k")
    assert (first["latency_ms"], first["retries"], first["measured"]) == ("8.0", "2", "false")
    assert (second["latency_ms"], second["late_ms"], second["start_s"]) == ("43.0", "3.0", "0.002")
    assert (second["code"], second["measured"]) == ("already, paid", "true")
    assert (third["outcome"], third["latency_ms"], third["measured"]) == ("unknown", "", "false")


def test_parquet_has_types(tmp_path: Path) -> None:
    parquet = pytest.importorskip(
        "pyarrow.parquet", reason="needs pip install 'paidonce[analysis]'"
    )
    written(tmp_path)
    figures_command(tmp_path, out=tmp_path / "figures.parquet")
    (one,) = parquet.read_table(tmp_path / "figures.parquet").to_pylist()
    assert (one["guard"], one["sound"], one["rate"]) == ("claim", True, None)
    assert one["p50_ms"] == pytest.approx(8.5 * (1 + 7 * 0.35))
    figures_command(tmp_path, out=tmp_path / "operations.parquet", each=True)
    table = parquet.read_table(tmp_path / "operations.parquet")
    assert table.column("latency_ms").to_pylist() == [8.0, 43.0, None]
    assert table.column("outcome").to_pylist() == ["ok", "rejected", "unknown"]
    assert str(table.schema.field("retries").type) == "int64"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("figures.xlsx", "expected a name that ends in .csv or .parquet"),
        ("results.json", "expected a name that ends in"),
        ("load.csv", "exists already; name a new file"),
        ("nowhere/f.csv", "cannot be written"),
    ],
)
def test_a_bad_name_is_refused(tmp_path: Path, name: str, message: str) -> None:
    written(tmp_path)
    with pytest.raises(UsageError, match=f"--out .*{name}: {message}"):
        figures_command(tmp_path, out=tmp_path / name)


def test_what_was_not_measured_has_no_figures(tmp_path: Path) -> None:
    reports.write_all(reports.assess(sample(with_loads=False)), tmp_path)
    with pytest.raises(UsageError, match="no load was measured there"):
        figures_command(tmp_path)


def test_without_arrow_parquet_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Exception, match=r"pip install 'paidonce\[analysis\]', or write .csv"):
        figures_command(tmp_path, out=tmp_path / "figures.parquet")


def test_a_history_that_is_not_of_load_is_refused(tmp_path: Path) -> None:
    proof = written(tmp_path)
    write_history(tmp_path / "other.jsonl", [Header(run="r", scenario="s", target="t"), Ended(t=1)])
    other: Load = msgspec.structs.replace(proof.loads[0], history="other.jsonl")
    reports.write_all(reports.assess(msgspec.structs.replace(proof, loads=(other,))), tmp_path)
    with pytest.raises(UsageError, match="expected a history of load"):
        figures_command(tmp_path, each=True)
