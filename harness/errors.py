"""The errors a user can meet, each with the exit code it deserves.

Everything a person may have typed wrong, or lacks on this machine, is one of these, raised with
a message that names the file, key, flag or component and says what was expected. Anything else
that escapes is a defect of ours and is shown with its traceback.
"""

from __future__ import annotations


class PaidonceError(Exception):
    """Base of the errors that are shown as one message, without a traceback."""

    exit_code = 2


class UsageError(PaidonceError):
    """Bad input: a flag, a file, a key or a value. Exit code 2."""


class Unavailable(PaidonceError):
    """A component this run needs is not on this machine, or does not answer. Exit code 2.

    ``component`` is its short name (``"docker"``), ``remedy`` says how to get it.
    """

    def __init__(self, component: str, problem: str, remedy: str) -> None:
        super().__init__(f"{component}: {problem}. {remedy}")
        self.component = component
        self.problem = problem
        self.remedy = remedy


class DeadlineExceeded(PaidonceError):
    """Something waited for did not happen in time; the message names what, and for how long."""

    def __init__(self, waited_for: str, seconds: float) -> None:
        super().__init__(f"waited {seconds:g} s for {waited_for}, which did not happen")
        self.waited_for = waited_for
        self.seconds = seconds
