"""``paidonce stripe-check``: judge any server that says it is Stripe."""

from __future__ import annotations

import datetime
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from paidonce.harness import __version__
from paidonce.harness.backends.stripe_keys import (
    DEFAULT_TEST_KEY,
    checked_test_key,
    refuse_live_environment,
)
from paidonce.harness.conformance import CHECKS, Check, CheckOutcome, CheckResult, run
from paidonce.harness.conformance.client import Api
from paidonce.harness.errors import UsageError

_MARKS = {
    CheckOutcome.PASSED: "[green]passed[/green]",
    CheckOutcome.FAILED: "[red]failed[/red]",
    CheckOutcome.SKIPPED: "[yellow]skipped[/yellow]",
}
_ALL_SKIPPED = 3


def stripe_check_command(
    servers: Annotated[
        list[str],
        typer.Argument(
            help="Base URLs such as http://127.0.0.1:12111, or NAME=URL.", metavar="URL..."
        ),
    ],
    key: Annotated[
        str, typer.Option(help="Test-mode secret key; live keys are refused.", metavar="KEY")
    ] = DEFAULT_TEST_KEY,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", help="Only this check; may be given more than once.", metavar="NAME"
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the results to this file; - is stdout.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write a table as Markdown to this file; - is stdout.")
    ] = None,
) -> int:
    """Check servers that say they are Stripe against what Stripe documents.

    Needs nothing but HTTP, and makes customers, payments and refunds there. Exit code: 0 if every
    check passed or was skipped, 1 if one failed, 2 if a server does not answer, 3 if every check
    was skipped.
    """
    refuse_live_environment()
    checked = checked_test_key(key, "--key")
    named = [_named(server) for server in servers]
    chosen = _chosen(only)
    console = Console(stderr="-" in (str(json), str(markdown)))
    found = {name: _judge(name, url, checked, chosen, console) for name, url in named}
    if json is not None:
        told = [_document(name, url, found[name]) for name, url in named]
        when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        report = {"checked": when, "paidonce": __version__, "servers": told}
        text = msgspec.json.format(msgspec.json.encode(report)).decode()
        _write(json, text + "\n")
    if markdown is not None:
        _write(markdown, _markdown(chosen, found))
    outcomes = {result.outcome for results in found.values() for result in results}
    if CheckOutcome.FAILED in outcomes:
        return 1
    return 0 if CheckOutcome.PASSED in outcomes else _ALL_SKIPPED


def _named(server: str) -> tuple[str, str]:
    """The server's name, which is its URL where none was given, and its URL."""
    name, separator, url = server.partition("=")
    if not separator or name.startswith(("http://", "https://")):
        name = url = server
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{server}: expected a base URL that begins with http:// or https://")
    return name, url


def _judge(
    name: str, url: str, key: str, checks: Sequence[Check], console: Console
) -> list[CheckResult]:
    if name != url:
        console.print(f"[bold]{name}[/bold] at {url}")
    api = Api(url, key)
    try:
        results = run(api, checks, lambda result: console.print(_line(result)))
    finally:
        api.close()
    console.print(f"\n{name}: {_counted(results)}\n", highlight=False)
    return results


def _counted(results: Sequence[CheckResult]) -> str:
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in CheckOutcome)


def _chosen(only: list[str] | None) -> list[Check]:
    known = {check.name: check for check in CHECKS}
    for name in only or ():
        if name not in known:
            raise UsageError(f"--only {name}: no such check; there are {', '.join(known)}")
    return [known[name] for name in only] if only else list(CHECKS)


def _line(result: CheckResult) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=8)
    table.add_column(width=26, no_wrap=True)
    table.add_column(overflow="fold")
    detail = f"[dim]{result.check.claim}[/dim]" if not result.detail else None
    table.add_row(_MARKS[result.outcome], result.check.name, detail or result.check.claim)
    if result.detail:
        # As text: it may quote what the server said.
        style = "red" if result.outcome is CheckOutcome.FAILED else "yellow"
        table.add_row("", "", Text(result.detail, style=style))
    return table


def _document(name: str, url: str, results: Sequence[CheckResult]) -> dict[str, object]:
    return {
        "name": name,
        "url": url,
        "results": [
            {
                "name": check_result.check.name,
                "group": check_result.check.group,
                "claim": check_result.check.claim,
                "source": check_result.check.source,
                "outcome": check_result.outcome,
                "detail": check_result.detail,
                "seconds": round(check_result.seconds, 3),
            }
            for check_result in results
        ],
    }


def _markdown(checks: Sequence[Check], found: Mapping[str, Sequence[CheckResult]]) -> str:
    """One row a check, one column a server, and what each server did where it failed."""
    lines = ["| check | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    rows = zip(checks, *found.values(), strict=True)
    for check, *results in rows:
        cells = [f"{one.outcome}: {one.detail}" if one.detail else one.outcome for one in results]
        told = " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
        lines.append(f"| [{check.claim}]({check.source}) | {told} |")
    totals = " | ".join(_counted(results) for results in found.values())
    return "\n".join([*lines, f"| **in all** | {totals} |"]) + "\n"


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        sys.stdout.write(text)
        return
    try:
        path.write_text(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
