"""Small services of the tests' own, played by their target files."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from typer.testing import CliRunner

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
)
from paidonce.harness.cli.main import app
from paidonce.harness.explore.exploration import SearchRequest, explore, opened
from paidonce.harness.targets import load_target
from paidonce.harness.targets.check.smoke import smoke
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, open_stack

HERE = Path(__file__).parent
SHOP = HERE / "shop"
run = CliRunner()


def edited(folder, name, *changes):
    """That service in a folder of its own, its target file changed."""
    shutil.copytree(HERE / name, folder, dirs_exist_ok=True)
    path = folder / "target.toml"
    rewrite(path, *changes)
    return path


def rewrite(path, *changes):
    """Change the text of a file."""
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def check(path, out, *flags):
    """``paidonce check`` of it, in this process, on the shared servers."""
    servers = [
        "--postgres",
        os.environ[POSTGRES_VARIABLE],
        "--redis",
        redis_url_of_worker(os.environ[REDIS_VARIABLE]),
    ]
    if "--faults" not in flags:
        flags = ("--faults", "0", *flags)
    said = run.invoke(app, ["check", str(path), "--out", str(out), "-j", "1", *servers, *flags])
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        raise said.exception
    return said


def choice():
    return Choice(
        postgres=os.environ[POSTGRES_VARIABLE],
        redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
    )


def on_worlds(path, variant, work, attempts=None):
    """Run ``work(worlds, script)`` with the service running under control."""

    async def main():
        loaded = load_target(path)
        script = script_of(loaded)
        if attempts is not None:
            script = script.with_attempts(attempts)
        async with (
            open_stack(TargetSubject(loaded), choice()) as stack,
            opened(stack, script, variant, 1, loaded.file.explore.noise) as worlds,
        ):
            return await work(worlds, script)

    return asyncio.run(asyncio.wait_for(main(), 600))


def explored(path, variant, *, attempts=None, **how):
    def work(worlds, script):
        return explore(worlds, SearchRequest(scenario=script, variant=variant, **how))

    return on_worlds(path, variant, work, attempts)


def smoked(path, variant="racy"):
    return on_worlds(path, variant, lambda worlds, script: smoke(worlds[0], script))
