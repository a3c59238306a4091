"""The way out of a command: its result, or what went wrong, as an exit code and one message at
most."""

from __future__ import annotations

import functools
import gc
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer
from rich.console import Console
from rich.text import Text

from paidonce.harness.process.garbage import seldom_collected
from paidonce.harness.process.interruption import INTERRUPTED, interruptible

P = ParamSpec("P")


def leaves(command: Callable[P, int]) -> Callable[P, None]:
    """``command`` as the command line wants it: its number becomes the exit code."""

    @functools.wraps(command)
    def leaving(*args: P.args, **kwargs: P.kwargs) -> None:
        if not gc.isenabled():
            seldom_collected()
        with interruptible():
            raise typer.Exit(_code(lambda: command(*args, **kwargs)))

    return leaving


def forget_interrupted_text() -> None:
    """Have the interpreter leave with our exit code after Ctrl-C in the middle of an import.

    CPython remembers that ``exec`` of a text was interrupted (dataclasses are made by it), whoever
    dealt with that since, and under ``python -m`` ends by SIGINT then; it forgets with the next
    text (``unhandled_keyboard_interrupt`` in Python/pythonrun.c).
    """
    exec("pass")  # noqa: S102 - a text of our own, for the reason above


def _code(command: Callable[[], int]) -> int:
    try:
        return command()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        forget_interrupted_text()
        return INTERRUPTED
    except Exception as error:
        # Imported where needed: it knows the errors of clients that take long to load.
        from paidonce.harness.cli.mishaps import UNDECIDED, mishap

        if isinstance(error, BrokenPipeError):
            # The reader of our output went away; leave the interpreter nothing to complain about.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return UNDECIDED
        what = mishap(error)
        sys.stderr.write(what.trace)
        message = Text.assemble(("error: ", "bold red"), what.text)
        Console(stderr=True, highlight=False, soft_wrap=True).print(message)
        return what.exit_code
