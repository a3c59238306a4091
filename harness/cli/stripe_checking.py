"""``paidonce stripe-check``: judge any server that says it is Stripe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.backends.stripe_keys import DEFAULT_TEST_KEY, checked_test_key, refuse_live_environment
from harness.conformance import CHECKS, Check, Outcome, Result, run
from harness.conformance.client import Api
from harness.errors import UsageError

_MARKS = {
    Outcome.PASSED: "[green]passed[/green]",
    Outcome.FAILED: "[red]failed[/red]",
    Outcome.SKIPPED: "[yellow]skipped[/yellow]",
}
_ALL_SKIPPED = 3


def stripe_check_command(
    url: Annotated[str, typer.Argument(help="Base URL, such as http://127.0.0.1:12111.")],
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
        Path | None, typer.Option(help="Write the table as Markdown to this file.")
    ] = None,
) -> int:
    """Check a server that says it is Stripe against what Stripe documents.

    Needs nothing but HTTP, and makes customers, payments and refunds there. Exit code: 0 if every
    check passed or was skipped, 1 if one failed, 2 if nobody answers, 3 if all were skipped.
    """
    refuse_live_environment()
    checked = checked_test_key(key, "--key")
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url}: expected a base URL that begins with http:// or https://")
    console = Console(stderr=json is not None and str(json) == "-")
    api = Api(url, checked)
    try:
        results = run(api, _chosen(only), lambda result: console.print(_line(result)))
    finally:
        api.close()
    counted = {outcome: sum(one.outcome is outcome for one in results) for outcome in Outcome}
    console.print(
        f"\n{url}: {counted[Outcome.PASSED]} passed, {counted[Outcome.FAILED]} failed, "
        f"{counted[Outcome.SKIPPED]} skipped",
        highlight=False,
    )
    if json is not None:
        _write(json, msgspec.json.format(msgspec.json.encode(_document(url, results))).decode())
    if markdown is not None:
        _write(markdown, _markdown(url, results))
    if counted[Outcome.FAILED]:
        return 1
    return 0 if counted[Outcome.PASSED] else _ALL_SKIPPED


def _chosen(only: list[str] | None) -> list[Check]:
    known = {check.name: check for check in CHECKS}
    for name in only or ():
        if name not in known:
            raise UsageError(f"--only {name}: no such check; there are {', '.join(known)}")
    return [known[name] for name in only] if only else list(CHECKS)


def _line(result: Result) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=8)
    table.add_column(width=26, no_wrap=True)
    table.add_column(overflow="fold")
    detail = f"[dim]{result.check.claim}[/dim]" if not result.detail else None
    table.add_row(_MARKS[result.outcome], result.check.name, detail or result.check.claim)
    if result.detail:
        # As text: it may quote what the server said.
        style = "red" if result.outcome is Outcome.FAILED else "yellow"
        table.add_row("", "", Text(result.detail, style=style))
    return table


def _document(url: str, results: list[Result]) -> dict[str, object]:
    return {
        "url": url,
        "results": [
            {
                "name": one.check.name,
                "group": one.check.group,
                "claim": one.check.claim,
                "source": one.check.source,
                "outcome": one.outcome,
                "detail": one.detail,
                "seconds": round(one.seconds, 3),
            }
            for one in results
        ],
    }


def _markdown(url: str, results: list[Result]) -> str:
    lines = [f"| check | {url} |", "|---|---|"]
    for one in results:
        detail = f": {one.detail}" if one.detail else ""
        told = f"{one.outcome}{detail}".replace("|", "\\|").replace("\n", " ")
        lines.append(f"| [{one.check.claim}]({one.check.source}) | {told} |")
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        sys.stdout.write(text + "\n")
        return
    try:
        path.write_text(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
