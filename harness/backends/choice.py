"""Which backend is wanted for each role, as a person says it on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from paidonce.harness.backends.base import Role
from paidonce.harness.backends.choose import check_spec
from paidonce.harness.backends.urls import looks_like_url
from paidonce.harness.errors import UsageError
from paidonce.harness.masking import word_without_credentials


@dataclass(frozen=True)
class Choice:
    """One backend for each role: the name of a kind, or a URL."""

    postgres: str = "embedded"
    redis: str = "embedded"
    stripe: str = "simulator"

    @property
    def label(self) -> str:
        """Return how reports name it: the name of a set, or what differs from the usual one.

        Passwords in URLs are not shown.
        """
        for name, choice in PRESETS.items():
            if choice == self:
                return name
        return ",".join(
            f"{role.value}={word_without_credentials(getattr(self, role.value))}"
            for role in Role
            if getattr(self, role.value) != getattr(Choice(), role.value)
        )

    @property
    def slug(self) -> str:
        """The label as the name of a folder."""
        return re.sub(r"[^A-Za-z0-9.=-]+", "_", self.label).strip("_.") or "backends"

    def lanes(self, wanted: int) -> int:
        """Return how many lanes can work side by side, at most ``wanted``.

        A Redis or a Stripe by URL is one for all lanes, and each of them empties it between
        runs, so there is one lane then.
        """
        shared = looks_like_url(self.redis) or looks_like_url(self.stripe)
        return 1 if shared else wanted


PRESETS: dict[str, Choice] = {
    "embedded": Choice(),
    "container": Choice("container", "container", "stripe-mock-container"),
    "stripe-mock": Choice(stripe="stripe-mock"),
    "stripe-mock-container": Choice(stripe="stripe-mock-container"),
    "localstripe": Choice(stripe="localstripe"),
}
"""The sets of backends that have a name, the usual one first."""


def choice_of(
    text: str | None = None,
    *,
    postgres: str | None = None,
    redis: str | None = None,
    stripe: str | None = None,
) -> Choice:
    """The choice that ``--backends text`` and the three single options come to.

    ``text`` is the name of a set, or ``role=backend``, or both, joined by commas:
    ``container,stripe=simulator``. Later parts go before earlier ones, and the single options
    before all of them. Raises ``UsageError`` that names the option and what is expected.
    """
    chosen = Choice()
    for part in _parts(text):
        role, assigned, spec = part.partition("=")
        if part in PRESETS:
            chosen = PRESETS[part]
        elif assigned and role in set(Role):
            chosen = replace(chosen, **{role: spec})
        else:
            raise UsageError(
                f"--backends: {word_without_credentials(part)!r} is not known; expected one of "
                f"{', '.join(PRESETS)}, or {'=..., '.join(Role)}=..., joined by commas"
            )
    single = {"postgres": postgres, "redis": redis, "stripe": stripe}
    chosen = replace(chosen, **{role: spec for role, spec in single.items() if spec is not None})
    for role in Role:
        check_spec(role, getattr(chosen, role.value))
    return chosen


def choices_of(
    texts: Iterable[str] | None,
    *,
    postgres: str | None = None,
    redis: str | None = None,
    stripe: str | None = None,
) -> tuple[Choice, ...]:
    """One choice for each ``--backends``, or one without any. Raises ``UsageError``.

    Two that come to the same are an error: what one of them would show is shown by the other.
    """
    wanted: list[str | None] = [*texts] if texts else [None]
    made = [choice_of(text, postgres=postgres, redis=redis, stripe=stripe) for text in wanted]
    for choice in made:
        if made.count(choice) > 1:
            raise UsageError(f"--backends: {choice.label} was given more than once")
    return tuple(made)


def _parts(text: str | None) -> list[str]:
    if text is None:
        return []
    # A comma inside a URL (several hosts, say) does not begin a new part.
    parts = re.split(rf",(?=(?:{'|'.join(Role)})=|(?:{'|'.join(PRESETS)})(?:,|$))", text.strip())
    return [part.strip() for part in parts]
