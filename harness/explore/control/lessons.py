"""Lessons that an execution teaches of a service: raised, they make the search begin again."""

from __future__ import annotations


class SharesMemory(Exception):
    """An attempt waits for another inside the service, so its memory is shared by attempts.

    What they do there between two steps is seen by nobody: only when every step is taken to
    touch that memory is a reduced search still a whole one.
    """


class MustNotDefer(Exception):
    """Statements that would only wait must not be deferred on this service; the message says why.

    The search has to begin again without.
    """


class ListsInOrder(Exception):
    """Somebody looks through ``collections`` of Stripe's, in which the newest comes first.

    So it matters who made what first, also where two calls have nothing else in common. The search
    has to begin again with that knowledge.
    """

    def __init__(self, collections: frozenset[str]) -> None:
        super().__init__(f"lists {', '.join(sorted(collections))}")
        self.collections = collections


class OneKeyTwice(Exception):
    """Several attempts call Stripe under one key, by calls with these labels: of two, one may be
    under way when the other comes.

    The search has to begin again with the beginnings of those as steps of their own.
    """

    def __init__(self, calls: frozenset[str]) -> None:
        super().__init__(calls)
        self.calls = calls


class MustHoldApart(Exception):
    """Units that are called so were taken for single moments, and another statement comes to
    something else if it begins between what they do and their commit.

    The search has to begin again with those committed in a step of their own.
    """

    def __init__(self, units: frozenset[str]) -> None:
        super().__init__(units)
        self.units = units


class TriesWithoutEnd(Exception):
    """A step that is called so is made until it is granted. The search has to begin again with
    that knowledge: who makes it waits."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label


class MindedAtOnce(Exception):
    """An attempt sends several units at once, and others mind some of them, with these labels.

    Those go last from now on: the search has to begin again, since its executions so far went in
    another order.
    """

    def __init__(self, labels: frozenset[str]) -> None:
        super().__init__(labels)
        self.labels = labels
