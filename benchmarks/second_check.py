"""The second check of a service that migrates slowly: how long until its first execution begins.

``python benchmarks/second_check.py [--migrates 60] [--against PYTHON [--module M]]`` checks a small
shop whose migration takes that many seconds, three times: first with ``--fresh``, then as it is,
then once ``[[prepare]]`` had a typo and has it no longer. ``PYTHON`` has another build of paidonce
installed beside it, which checks it twice. Each line has the seconds from the command to the first
request of an execution, and of these from the moment at which the service was ready.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OURS = "paidonce"
SHOP = Path(__file__).parents[1] / "tests" / "targets" / "shop"
MIGRATE = """
import os, sys, time, psycopg
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
    db.execute(open("schema.sql").read())
    db.execute("SELECT pg_sleep(%s)", (float(sys.argv[1]),))
"""
NOTE = """
def note(what):
    with open(os.environ["TIMES"], "a") as times:
        times.write(f"{what} {time.time()}\\n")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--migrates", type=float, default=60.0, help="seconds")
    parser.add_argument("--against", help="the Python of another build")
    parser.add_argument(
        "--module", default=OURS, help="what runs it there: harness.cli in old ones"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = _shop(Path(folder) / "shop", given.migrates)
        cache = Path(folder) / "cache"
        _line("fresh", _checked(sys.executable, shop, cache, "--fresh"))
        _line("second", _checked(sys.executable, shop, cache))
        target = shop / "target.toml"
        right = target.read_text()
        target.write_text(right.replace('request = "POST /orders"', 'request = "PUT /orders"'))
        _line("with a typo in [[prepare]]", _checked(sys.executable, shop, cache))
        target.write_text(right)
        _line("with the typo mended", _checked(sys.executable, shop, cache))
        if given.against:
            # A build from before there was such a key allows 120 s, whatever the file says.
            target.write_text(right.replace("within = 3600\n", ""))
            for name in ("another build", "another build, second"):
                _line(name, _checked(given.against, shop, cache, module=given.module))


def _shop(folder: Path, seconds: float) -> Path:
    """The small shop of the tests, with a migration that takes so long, and noting times."""
    shutil.copytree(SHOP, folder)
    (folder / "migrate.py").write_text(MIGRATE)
    target = folder / "target.toml"
    migrate = f'migrate = ["{{python}} migrate.py {seconds}"]\ncwd = "."\nwithin = 3600\n'
    text = target.read_text().replace(
        'schema = ["schema.sql"]\n', migrate + 'env = { DATABASE_URL = "{postgres_url}" }\n'
    )
    for guard in ("none", "lock"):
        text = text.replace(f'env = {{ GUARD = "{guard}" }}\n', "")
    target.write_text(text.replace('ready = "/"\nenv = {', 'ready = "/"\nenv = { GUARD = "none",'))
    service = folder / "shop.py"
    text = service.read_text().replace("class Shop(", f"{NOTE}\n\nclass Shop(", 1)
    for method, what in (("GET", "ready"), ("POST", "asked")):
        head = f"    def do_{method}(self) -> None:\n"
        text = text.replace(head, f'{head}        note("{what}")\n')
    text = text.replace("import json\n", "import json\nimport time\n", 1)
    service.write_text(text)
    return folder


def _checked(
    python: str, shop: Path, cache: Path, *flags: str, module: str = OURS
) -> tuple[float, float]:
    """Seconds from the command, and from the service being ready, to the first request."""
    times = cache.parent / "times"
    times.write_text("")
    out = cache.parent / f"out-{time.monotonic_ns()}"
    began = time.time()
    command = [python, "-m", module, "check", "target.toml", "--variant", "racy"]
    done = subprocess.run(
        [*command, "--time", "10s", "--out", str(out), *flags],
        cwd=shop,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "TIMES": str(times)},
        check=False,
        capture_output=True,
    )
    if not times.read_text():
        raise SystemExit(f"{python} ended with {done.returncode}:\n{done.stderr.decode()}")
    noted = [line.split() for line in times.read_text().splitlines()]
    ready = min(float(at) for what, at in noted if what == "ready")
    asked = min((float(at) for what, at in noted if what == "asked"), default=ready)
    return asked - began, asked - ready


def _line(name: str, seconds: tuple[float, float]) -> None:
    whole, after = seconds
    print(f"{name:<28} {whole:7.1f} s, {after:5.2f} s after the service was ready", flush=True)


if __name__ == "__main__":
    main()
