"""``paidonce schema``: the JSON schema of target files, for editors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from paidonce.harness.errors import UsageError
from paidonce.harness.targets.file.json_schema import schema


def schema_command(
    out: Annotated[
        Path | None, typer.Option(help="File to write. \\[default: standard output]")
    ] = None,
) -> int:
    """Write the JSON schema of target files.

    Editors check and complete a target file that begins with
    [bold]#:schema ./target.schema.json[/bold] (Even Better TOML, Taplo).
    """
    text = schema()
    if out is None:
        sys.stdout.write(text)
        return 0
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}") from error
    return 0
