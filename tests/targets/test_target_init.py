"""``paidonce init`` and ``paidonce schema``."""

from __future__ import annotations

import json
import tomllib

import pytest
from targets_sample import example
from typer.testing import CliRunner

from paidonce.harness.cli.main import app
from paidonce.harness.targets import load_target
from paidonce.harness.targets.file.format import TargetFile

run = CliRunner()


def test_a_first_file_from_flags_is_a_target(tmp_path):
    (tmp_path / "schema.sql").write_text("SELECT 1;")
    path = tmp_path / "target.toml"
    flags = ["--command", "node server.js", "--name", "shop", "--schema", "schema.sql", "--yes"]
    said = run.invoke(app, ["init", str(path), *flags])
    assert said.exit_code == 0, said.output
    assert "paidonce check" in said.output
    assert "to be mended" not in said.output
    loaded = load_target(path)
    assert loaded.file.process[0].command == "node server.js"
    assert loaded.file.prepare[0].json == {"amount": 4990}
    assert path.read_text().count("#") > 15


@pytest.mark.parametrize(
    "flags",
    [
        ["--pay-json", '{"card": {"id": [1, 2.5, true, "a\\"b"]}}'],
        ["--migrate", "npx prisma migrate deploy", "--build", "npm ci", "--ready", "/up"],
        ["--stripe-env", "", "--stripe-key-env", ""],
        ["--database-env", ""],
        ["--success", "201", "--pay", "PUT /pay/{order}", "--order", "header:Location~/(.+)"],
    ],
)
def test_whatever_is_answered_the_file_is_toml(tmp_path, flags):
    path = tmp_path / "target.toml"
    said = run.invoke(app, ["init", str(path), "--command", "./serve", "--yes", *flags])
    assert said.exit_code == 0, said.output
    assert tomllib.loads(path.read_text())["process"][0]["command"] == "./serve"


def test_a_service_may_be_told_host_and_port_apart(tmp_path):
    (tmp_path / "schema.sql").write_text("SELECT 1;")
    path = tmp_path / "target.toml"
    flags = ["--database-host-env", "PGHOST", "--database-port-env", "PGPORT", "--yes"]
    flags += ["--database-name-env", "PGDATABASE", "--database-user-env", "PGUSER"]
    flags += ["--database-password-env", "PGPASSWORD", "--migrate", "./migrate"]
    flags += ["--stripe-host-env", "STRIPE_HOST", "--stripe-port-env", "STRIPE_PORT"]
    said = run.invoke(app, ["init", str(path), "--command", "./serve", *flags])
    assert said.exit_code == 0, said.output
    file = load_target(path).file
    database = {
        "PGHOST": "{postgres_host}",
        "PGPORT": "{postgres_port}",
        "PGDATABASE": "{postgres_database}",
        "PGUSER": "{postgres_user}",
        "PGPASSWORD": "{postgres_password}",
    }
    assert file.process[0].env == {
        "PORT": "{port}",
        **database,
        "STRIPE_HOST": "{stripe_host}",
        "STRIPE_PORT": "{stripe_port}",
        "STRIPE_API_KEY": "{stripe_key}",
    }
    assert file.database.env == database
    assert file.taps.need == ("postgres", "stripe")


def test_a_service_without_a_database_is_not_asked_for_one(tmp_path):
    path = tmp_path / "target.toml"
    flags = ["--command", "./serve", "--database-env", "", "--yes"]
    said = run.invoke(app, ["init", str(path), *flags])
    assert said.exit_code == 0, said.output
    assert "to be mended" not in said.output
    file = load_target(path).file
    assert file.taps.need == ("stripe",)
    assert "postgres" not in str(file.process)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "--command is missing"),
        (["--command", "x", "--create-json", "{"], "--create-json: expected JSON"),
        (["--command", "x", "--database-env", "", "--schema", "a.sql"], "--schema: the service is"),
        (["--command", "x", "--database-env", "", "--migrate", "m"], "--migrate: the service is"),
        (["--command", "x", "--pay-json", '{"a": null}'], "null, which TOML does not have"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path, flags, said):
    path = tmp_path / "target.toml"
    result = run.invoke(app, ["init", str(path), "--yes", *flags])
    assert result.exit_code == 2
    assert said in result.output
    assert not path.exists()


def test_a_file_is_never_overwritten(tmp_path):
    path = tmp_path / "target.toml"
    path.write_text("mine")
    result = run.invoke(app, ["init", str(path), "--command", "x", "--yes"])
    assert result.exit_code == 2
    assert path.read_text() == "mine"


def test_the_schema_knows_every_key(tmp_path):
    said = run.invoke(app, ["schema", "--out", str(tmp_path / "s.json")])
    assert said.exit_code == 0
    schema = json.loads((tmp_path / "s.json").read_text())
    top = schema["$defs"]["TargetFile"]
    assert set(top["properties"]) == set(TargetFile.__struct_encode_fields__)
    assert top["additionalProperties"] is False
    assert set(tomllib.loads(example())) <= set(top["properties"])
    assert json.loads(run.invoke(app, ["schema"]).output) == schema
