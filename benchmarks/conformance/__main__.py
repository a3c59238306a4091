"""Put the simulator to the suites that Stripe's own SDKs are tested with.

    python benchmarks/conformance stripe-go CHECKOUT [--keep FOLDER] [--failed] [--server NAME]

The suites are written for stripe-mock, and use ids that nobody has made (``pi_123``). The simulator
is started with ``--seed-ids``, and makes them. What has passed is shown of what is applicable,
beside stripe-mock and beside a server that answers everything with 404: a test that passes there
says nothing. Nothing of the suites is kept here; CHECKOUT is a folder with one of them, ready to be
run (stripe-node: after ``npm install`` and ``npx tsc -p tsconfig.cjs.json``).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from servers import SERVERS, running
from suites import SUITES, Results

from paidonce.harness.errors import UsageError


def main() -> None:
    """Run a suite against each server and print what passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--keep", type=Path, help="folder that keeps what is built")
    parser.add_argument("--failed", action="store_true", help="name what the simulator fails")
    parser.add_argument("--server", action="append", choices=SERVERS, help="these alone")
    given = parser.parse_args()
    results: dict[str, Results] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.keep or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for name in given.server or SERVERS:
            with running(name) as server:
                if server is not None:
                    run = SUITES[given.suite]
                    results[server.name] = run(given.checkout.absolute(), server, folder)
    console = Console()
    console.print(_table(given.suite, results))
    if given.failed:
        for test, passed in results.get("simulator", {}).items():
            if not passed:
                console.print(f"failed: {test}", highlight=False)


def _table(suite: str, results: dict[str, Results]) -> Table:
    table = Table("", *results, title=f"{suite}: passed of applicable")
    tests = [test for one in results.values() for test in one]
    for resource in dict.fromkeys(test.split()[0] for test in tests):
        table.add_row(resource, *(_share(one, resource) for one in results.values()))
    table.add_section()
    table.add_row("all", *(_share(one, None) for one in results.values()))
    return table


def _share(results: Results, resource: str | None) -> str:
    of = [passed for test, passed in results.items() if resource in (None, test.split()[0])]
    return f"{sum(of)} of {len(of)}"


if __name__ == "__main__":
    try:
        main()
    except UsageError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
