"""A film: a counterexample as cards in the order in which things truly happened, with the state
after each. Plain data, ready to be drawn."""

from __future__ import annotations

import enum

import msgspec


class Icon(enum.StrEnum):
    """The kinds of things that a piece tells of."""

    CLIENT = "client"
    SQL = "sql"
    STRIPE = "stripe"
    REDIS = "redis"
    LOCK = "lock"
    WAIT = "wait"
    FREE = "free"
    TOLD = "told"
    FAULT = "fault"
    END = "end"

    @property
    def word(self) -> str:
        """The name a reader sees."""
        return _WORDS[self]


_WORDS = {
    Icon.CLIENT: "request",
    Icon.SQL: "SQL",
    Icon.STRIPE: "Stripe",
    Icon.REDIS: "Redis",
    Icon.LOCK: "lock",
    Icon.WAIT: "waits",
    Icon.FREE: "released",
    Icon.TOLD: "answer",
    Icon.FAULT: "failure",
    Icon.END: "outcome",
}


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened in a step.

    ``code`` is what was sent, shortened; ``full`` the whole of it where that is more; ``result``
    what came back. ``bad`` marks an error or a refusal.
    """

    icon: Icon
    text: str
    code: str = ""
    full: str = ""
    result: str = ""
    bad: bool = False


class Rail(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an attempt after a step: before, on, hold (holds locks), wait, cut (its process
    is gone), or after."""

    kind: str
    label: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the state. ``new``: it is not what it was a step ago."""

    text: str
    new: bool = False
    lane: int | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of the state under one title."""

    title: str
    items: tuple[Item, ...]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One step. ``number`` is None for what comes before the first and after the last;
    ``label`` then names it. ``lane`` is None where no attempt moves. ``broke`` says what broke
    in it, empty for all others."""

    number: int | None
    label: str
    lane: int | None
    pieces: tuple[Piece, ...]
    rails: tuple[Rail, ...]
    state: tuple[Group, ...]
    broke: str = ""


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """A whole counterexample.

    ``summary`` are sentences as pieces of text and numbers of steps. ``broken`` are the checkers
    that found it invalid, with their words.
    """

    variant: str
    scenario: str
    target: str
    lanes: tuple[str, ...]
    conclusion: str
    broke_at: int | None
    summary: tuple[tuple[str | int, ...], ...]
    cards: tuple[Card, ...]
    broken: tuple[tuple[str, str], ...]
    noun: str = "guard"
    """The word for a variant of the target."""

    @property
    def locked(self) -> bool:
        """Return whether an attempt ever holds a lock."""
        return any(rail.kind == "hold" for card in self.cards for rail in card.rails)

    @property
    def waited(self) -> bool:
        """Return whether an attempt ever has to wait."""
        return any(rail.kind == "wait" for card in self.cards for rail in card.rails)

    @property
    def cut(self) -> bool:
        """Return whether the process of an attempt is ever killed."""
        return any(rail.kind == "cut" for card in self.cards for rail in card.rails)

    @property
    def steps(self) -> int:
        """Return how many of the cards are steps."""
        return sum(card.number is not None for card in self.cards)
