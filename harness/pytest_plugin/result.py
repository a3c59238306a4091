"""What one check came to, as a test sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.verdict import Status

# Between two invariants that one checker found broken.
_SEVERAL = re.compile(r"; (?=[^;]+: not )")


@dataclass(frozen=True)
class Result:
    """What an exploration, some bursts or a replay came to.

    ``how`` is one sentence. ``broken`` says what broke, ``steps`` how it came to that, a line
    each. ``witness`` is the file that replays it, ``command`` what a person types to see it.
    ``executions`` counts executions or bursts, ``seconds`` the time they took.
    """

    mode: str
    target: str
    variant: str
    attempts: int
    status: Status
    how: str
    broken: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    executions: int = 0
    seconds: float = 0.0
    witness: Path | None = None
    command: str = ""
    notes: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Every invariant held, in all that was to be looked at."""
        return self.status is Status.VALID

    @property
    def invalid(self) -> bool:
        """An invariant broke, and there is a witness."""
        return self.status is Status.INVALID

    @property
    def unknown(self) -> bool:
        """It was not decided: the budget was too small, or what was seen depends on load."""
        return self.status is Status.UNKNOWN

    @property
    def summary(self) -> str:
        """One line: what broke first, or how it ended, and where."""
        what = self.broken[0].removeprefix("invariants: ") if self.invalid else self.how
        return f"{what} ({self.target}, {self.variant})"

    @property
    def explanation(self) -> str:
        """All of it, for the message of an assertion; the last line is the command."""
        lines = [f"E   {self.target} ({self.variant}), {self.attempts} attempts: {self.how}"]
        for reason in self.broken:
            first, *more = _SEVERAL.split(reason)
            lines += [f"E     {first}", *(f"E       {one}" for one in more)]
        lines += ["", *(f"  {step}" for step in self.steps)] if self.steps else []
        lines += [f"  note: {note}" for note in self.notes]
        lines += ["", self.command] if self.command else []
        return "\n".join(lines)
