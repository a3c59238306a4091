"""The result of one check, as a test sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paidonce.harness.verdict import Broken, Status


@dataclass(frozen=True)
class Result:
    """The result of an exploration, of some bursts or of a replay.

    ``how`` is one sentence. ``verdicts`` are of the checkers that say it broke, or that they could
    not tell; ``steps`` how it came to that, a line each. ``witness`` is the file that replays it,
    ``command`` what a person types to see it.
    ``executions`` counts executions or bursts, ``seconds`` the time they took.
    """

    mode: str
    target: str
    variant: str
    attempts: int
    status: Status
    how: str
    verdicts: tuple[Broken, ...] = ()
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
    def broken(self) -> tuple[str, ...]:
        """Return what broke, a sentence for each checker that says so."""
        return tuple(verdict.words for verdict in self.verdicts)

    @property
    def summary(self) -> str:
        """One line: what broke first, or how it ended, and where."""
        what = self.how
        if self.invalid:
            first = self.verdicts[0]
            what = first.reason if first.titled else first.words
        return f"{what} ({self.target}, {self.variant})"

    @property
    def explanation(self) -> str:
        """All of it, for the message of an assertion; the last line is the command."""
        return "\n".join([*self.story, *(["", self.command] if self.command else [])])

    @property
    def story(self) -> tuple[str, ...]:
        """The lines of the explanation before the command."""
        lines = [f"E   {self.target} ({self.variant}), {self.attempts} attempts: {self.how}"]
        for verdict in self.verdicts:
            first, *more = [violation.words for violation in verdict.titled] or [verdict.reason]
            lines += [f"E     {verdict.checker}: {first}", *(f"E       {one}" for one in more)]
        lines += ["", *(f"  {step}" for step in self.steps)] if self.steps else []
        lines += [f"  note: {note}" for note in self.notes]
        return tuple(lines)
