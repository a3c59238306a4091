"""The scope of a target's clients: captured values, and a cookie jar for each user."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from paidonce.harness.http.client import Answer
from paidonce.harness.targets.file.captures import cookies_set


@dataclass
class Scope:
    """Values by name and cookies by user; a copy is what somebody goes on from."""

    values: dict[str, Any] = field(default_factory=dict)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    number: int = 0
    """Of an attempt in its script, from 1; 0 for what all go on from."""
    _made: int = 0

    def fresh(self) -> str:
        """A text that is new each time, and the same in every execution but for ``run``: it tells
        whose it is, and how many of them were asked for before."""
        self._made += 1
        return f"{self.values.get('run', '')}-{self.number}-{self._made}"

    def copy(self) -> Scope:
        """The same, to be changed by itself."""
        jars = {user: dict(jar) for user, jar in self.cookies.items()}
        return Scope(dict(self.values), jars)

    def keep(self, user: str, answer: Answer) -> None:
        """Keep the cookies that an answer sets for ``user``."""
        jar = self.cookies.setdefault(user, {})
        for name, value in cookies_set(answer).items():
            if value is None:
                jar.pop(name, None)
            else:
                jar[name] = value

    def cookie_header(self, user: str) -> str | None:
        """Return the header with the cookies that ``user`` sends; None without a cookie."""
        jar = self.cookies.get(user, {})
        return "; ".join(f"{name}={value}" for name, value in jar.items()) or None
