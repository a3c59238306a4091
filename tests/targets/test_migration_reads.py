"""What a migrated database is made of: each of it that changes is seen to have changed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from paidonce.harness.targets import load_target
from paidonce.harness.targets.run import migration_reads as module
from paidonce.harness.targets.run.migration_reads import migration_reads

TARGET = """
name = "shop"
headers = { Accept = "application/json" }

[variants.racy]
sound = false
env = { SEED = "seeds/small.sql" }

[[process]]
command = "serve {port}"

[database]
schema = ["schema.sql"]
migrate = ["./migrate.sh --from ../outside.sql"]
cwd = "service"
env = { LEVEL = "3" }

[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "GET /"

[success]
status = 200

[observe.kept]
sql = "SELECT 1"

[[invariants]]
name = "kept"
check = "kept == 1"
"""


@pytest.fixture
def shop(tmp_path):
    """The folder of a target file, below another in which a file lies that a command names."""
    folder = tmp_path / "shop"
    write(folder, "target.toml", TARGET)
    write(folder, "schema.sql", "CREATE TABLE orders (id int)")
    write(folder, "service/migrate.sh", "#!/usr/bin/env runner\npsql -f seed.sql")
    write(folder, "service/migrations/1.sql", "INSERT INTO orders VALUES (1)")
    write(folder, "outside.sql", "SELECT 1")
    write(folder, "service/.cache/kept", "1")
    (folder / "service" / "migrate.sh").chmod(0o755)
    write(tmp_path, "bin/runner", "#!/bin/sh")
    (tmp_path / "bin" / "runner").chmod(0o755)
    return folder


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def rewrite(old, new):
    def change(shop, monkeypatch):
        text = (shop / "target.toml").read_text()
        assert old in text
        (shop / "target.toml").write_text(text.replace(old, new))

    return change


def written(name, text):
    return lambda shop, monkeypatch: write(shop, name, text)


def removed(name):
    return lambda shop, monkeypatch: (shop / name).unlink()


def variable(name, value):
    return lambda shop, monkeypatch: monkeypatch.setenv(name, value)


def inputs(shop, told=None, left_out=None):
    loaded = load_target(shop / "target.toml")
    told = told or {"Postgres": "18.4", "the webhook secret": "whsec_1"}
    return migration_reads(loaded, "shop", next(iter(loaded.variants)), told, left_out)


@pytest.fixture
def differing(shop, monkeypatch):
    """What is said to differ after a change."""
    monkeypatch.setenv("PATH", f"{shop.parent / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def compare(change):
        before = inputs(shop)
        assert not before.reason
        change(shop, monkeypatch)
        after = inputs(shop)
        assert (before.key == after.key) == (not after.differing(before.parts))
        return after.differing(before.parts)

    return compare


FILE = "the target file's [database], build and env"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (written("schema.sql", "CREATE TABLE orders (id text)"), ["file schema.sql"]),
        (written("service/migrations/1.sql", "-- 2"), ["file service/migrations/1.sql"]),
        (written("service/migrations/2.sql", ""), ["file service/migrations/2.sql"]),
        (removed("service/migrations/1.sql"), ["file service/migrations/1.sql"]),
        (written("models.py", "class Order: ..."), ["file models.py"]),
        (written("seeds/small.sql", ""), ["file seeds/small.sql"]),
        (written("../bin/runner", "#!/bin/sh\n# another"), ["file BIN/runner"]),
        (rewrite("--from", "--fast --from"), [FILE]),
        (rewrite('LEVEL = "3"', 'LEVEL = "4"'), [FILE]),
        (rewrite('"seeds/small.sql"', '"seeds/large.sql"'), [FILE]),
        (rewrite('name = "shop"', 'name = "shop"\nbuild = ["make"]'), [FILE]),
        (variable("SEED_ROWS", "7"), ["variable SEED_ROWS"]),
    ],
)
def test_what_a_migration_may_read_and_that_changed_is_named(shop, differing, change, expected):
    named = [name.replace("BIN", str(shop.parent / "bin")) for name in expected]
    assert differing(change) == named


@pytest.mark.parametrize(
    "change",
    [
        rewrite('request = "GET /"', 'request = "GET /orders"'),
        rewrite('check = "kept == 1"', 'check = "kept >= 1"'),
        written("service/.cache/kept", "2"),
        written("service/development.log", "more"),
        written("service/__pycache__/models.pyc", "more"),
        written("paidonce-report/latest/results.json", "{}"),
        variable("OLDPWD", "/elsewhere"),
        variable("TERM", "dumb"),
    ],
)
def test_what_it_does_not_read_is_no_reason_to_migrate_again(differing, change):
    assert differing(change) == []


def test_what_else_it_is_told_is_part_of_it(shop):
    before = inputs(shop)
    after = inputs(shop, told={"Postgres": "18.6", "the webhook secret": "whsec_2"})
    assert after.differing(before.parts) == ["Postgres", "the webhook secret"]


def test_a_file_that_a_command_names_elsewhere_is_read(shop, differing):
    write(shop.parent, "elsewhere/seed.sql", "SELECT 1")
    rewrite("../outside.sql", str(shop.parent / "elsewhere" / "seed.sql"))(shop, None)
    assert differing(written("../elsewhere/seed.sql", "SELECT 2")) == [
        f"file {shop.parent / 'elsewhere' / 'seed.sql'}"
    ]


def test_the_whole_repository_is_read(shop, differing):
    (shop.parent / ".git").mkdir()
    changed = differing(written("../packages/models.ts", "export {}"))
    assert changed == [f"file {shop.parent / 'packages' / 'models.ts'}"]


def test_a_link_is_read_with_what_it_leads_to(shop, differing):
    write(shop.parent, "shared/one.sql", "SELECT 1")
    (shop / "shared").symlink_to(shop.parent / "shared")
    assert differing(written("../shared/one.sql", "SELECT 2")) == [
        f"file {shop.parent / 'shared' / 'one.sql'}"
    ]


def test_files_that_are_named_are_read_and_no_others(shop, differing):
    rewrite('cwd = "service"', 'cwd = "service"\nreads = ["service/migrations/*.sql"]')(shop, None)
    assert differing(written("models.py", "class Order: ...")) == []
    named = differing(written("service/migrations/2.sql", ""))
    assert named == ["file service/migrations/2.sql"]


def test_packages_of_the_python_that_runs_it_are_part_of_it(shop, differing):
    rewrite("./migrate.sh", "../venv/bin/python -m alembic")(shop, None)
    packages = shop / "venv" / "lib" / "python3.12" / "site-packages"
    write(shop, "venv/bin/python", "")
    (shop / "venv" / "bin" / "python").chmod(0o755)
    write(packages, "alembic-1.18.dist-info/RECORD", "alembic/op.py,sha256=one,1")
    changed = differing(
        written(f"{packages}/alembic-1.18.dist-info/RECORD", "alembic/op.py,sha256=two,1")
    )
    assert f"packages in {packages}" in changed


@pytest.mark.parametrize("command", ["docker run shop migrate", "bash migrate.sh docker"])
def test_what_is_done_where_nobody_here_can_look_is_not_kept(shop, command):
    rewrite("./migrate.sh --from ../outside.sql", command)(shop, None)
    assert inputs(shop).reason == (
        "what docker does cannot be seen from here; "
        "[database] reads = [...] can name what the migration reads"
    )
    rewrite('cwd = "service"', 'cwd = "service"\nreads = ["schema.sql"]')(shop, None)
    assert not inputs(shop).reason


def test_more_files_than_can_be_looked_through_are_not_kept(shop, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 5)
    assert inputs(shop).reason.startswith("there are more than 5 files or 2 GB to look through; ")


def test_a_target_file_may_say_that_it_is_not_kept(shop):
    rewrite('cwd = "service"', 'cwd = "service"\nkeep = false')(shop, None)
    assert inputs(shop).reason == "the target file says so (keep = false)"


def test_what_we_write_ourselves_is_left_out(shop):
    out = shop / "out"
    write(out, "logs/service.log.1", "more")
    assert f"file {Path('out/logs/service.log.1')}" in inputs(shop).parts
    assert not inputs(shop, left_out=out).differing(dict(inputs(shop, left_out=out).parts))
    assert f"file {Path('out/logs/service.log.1')}" not in inputs(shop, left_out=out).parts
    for name in ("results.json", "summary.md", "junit.xml"):
        write(out, name, "")
    assert f"file {Path('out/logs/service.log.1')}" not in inputs(shop).parts


def test_a_schema_file_alone_needs_no_look_at_anything_else(shop):
    text = (shop / "target.toml").read_text()
    begins, ends = text.index("migrate ="), text.index("cwd =")
    (shop / "target.toml").write_text(text[:begins] + text[ends:])
    files = [name for name in inputs(shop).parts if name.startswith(("file ", "program "))]
    assert files == ["file schema.sql"]


def test_the_python_of_a_command_is_this_one_by_its_placeholder(shop):
    rewrite("./migrate.sh", "{python} migrate.py")(shop, None)
    assert inputs(shop).parts[f"program {sys.executable}"] == shutil.which(sys.executable)
