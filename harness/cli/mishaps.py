"""Words for an error that is no answer: a server that is gone, a full disk.

Exit code 1 is a counterexample and nothing else, so whatever escapes leaves nothing decided.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import redis

from paidonce.harness.errors import PaidonceError
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.masking import without_credentials

UNDECIDED = 3
"""The exit code of a command that came to no verdict."""


class Mishap(NamedTuple):
    """One sentence for a person, and the exit code; ``trace`` only of a defect of ours."""

    text: str
    exit_code: int
    trace: str = ""


def mishap(error: Exception) -> Mishap:
    """Return what happened, of several things at once the first that can be told."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, PaidonceError):
            return Mishap(without_credentials(str(cause)), cause.exit_code)
    for cause in causes:
        if (said := _infrastructure(cause)) is not None:
            return Mishap(f"{said}; nothing was decided", UNDECIDED)
    text = f"this is a defect of paidonce, and nothing was decided: {_words(error)}"
    trace = without_credentials("".join(traceback.format_exception(error)))
    return Mishap(text, UNDECIDED, trace)


def _infrastructure(error: BaseException) -> str | None:
    """In words, which of the things that paidonce works with failed; None if none of them did."""
    match error:
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return f"the connection to Postgres was lost ({_words(error)})"
        case psycopg.Error():
            return f"Postgres refused a statement of paidonce's ({_words(error)})"
        case redis.RedisError():
            return f"Redis does not answer ({_words(error)})"
        case NoAnswer():
            return f"no answer came to a request of paidonce's ({_words(error)})"
        case OSError():
            return f"the system refused something ({_words(error)})"
        case MemoryError():
            return "there is not enough memory"
        case _:
            return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The errors that a group is made of; else the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    else:
        yield error


def _words(error: BaseException) -> str:
    """An error's own words, on one line."""
    return without_credentials(" ".join(str(error).split())) or type(error).__name__
