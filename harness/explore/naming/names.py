"""Names for what a service makes up as it goes: ids, keys and tokens differ in every execution.

Two executions can be compared only if what is the same in both has the same name in both. A
generated value is named after the actor in whose step it was first seen and its number among
the values first seen there: ``tab 1#2``. That is stable across schedules, because what one actor
makes up depends on its own past alone. Values known before the attempts start (the order's id)
are given names of their own, and so is what was made while they were prepared.

Numbers from a sequence look like any other number; the catalog tells which columns hold them.
One that was there before any execution is as good as a name.

It is stable only for values whose maker is known: whoever sent one first, or was answered with
it when creating something. A value that was there already, or that a database made up by itself,
comes to light in whoever's answer reads it first, which depends on the schedule. It has no name,
and a footprint that speaks of it speaks of all there is: two executions could otherwise be taken
to touch different things because they came upon the same thing by different ways. The same is done
with columns whose values turned out to have no name (``paidonce.harness.explore.search.unnamed``).

Names are found within composed values as well: ``po-17`` is ``po-order``. What makes that sound:

* Steps are taken to commute only if the names in their keys differ, so within one execution equal
  values have to have equal names. They have: a name depends on the text alone and on values that
  were known before anybody moved (``_words``), or that were named for good when they were first
  seen; and what a text was called once it is called again (``_given``).
* Two values that come to have one name (``12-order`` may be 12 followed by the order, or the order
  in another place where the order's number is found by chance) are taken to be the same thing. That
  says too much, never too little.
* Across executions a name may still differ for the same thing: where the order is number 5 in one,
  a constant ``item-5`` is ``item-order``. What was recorded in one execution is compared with what
  is seen in another before anything relies on it (``check_behind``, ``Continue``), so that this is
  noticed, and the column is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from paidonce.harness.explore.footprint.model import MADE, RW_MARK, Column, Footprint, Resource
from paidonce.harness.explore.footprint.sql.hashes import source
from paidonce.harness.explore.footprint.sql.serials import Root, Serials
from paidonce.harness.explore.naming.composed import Words
from paidonce.harness.explore.naming.generated import GENERATED, generated, replaced

_TIME = re.compile(r"1[0-9]{9,18}(?:\.[0-9]+)?|20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ].*")
"""A time has names of its own (``tab 1@2``): whether two times are equal depends on the clock, and
how many other values come before one must not."""

_OURS = frozenset({"collection", "maker", "type"})
"""Columns of Stripe's objects that say what we call them."""

_LONG_NUMBER = 6
"""Digits of a number that is part of no name but of one that was made of it."""
_NOTHING: Mapping[str, str] = {}
BEFORE = "before"
"""The maker of what was there before any execution."""


class Names:
    """The names given in one execution.

    ``apart`` tells of a table whether new rows of several attempts in it are told apart, ``facts``
    what else is known of the row that has a value in a column of its own.
    """

    def __init__(
        self,
        known: Mapping[str, str],
        serials: Serials | None = None,
        unnamed: Collection[Column] = (),
        apart: Callable[[str], bool] = lambda table: False,
        facts: Callable[[str, str, str], Mapping[str, str]] = lambda table, column, value: {},
    ) -> None:
        self._apart = apart
        self._facts = facts
        self._serials = serials or Serials()
        self._unnamed = unnamed
        self._numbers: dict[tuple[Root, str], str | None] = {}
        self._given_out: set[str] = set()
        """The numbers that sequences gave before anybody moved, whichever of them: what is given
        later must not change what is called already."""
        self._begun = False
        self._makers: dict[tuple[Root, str], str] = {}
        """Who has made the row under a number."""
        self._names: dict[str, str | None] = dict(known)
        self.beforehand: dict[str, str] = dict(known)
        """Values that there were before anybody moved, and what they are called."""
        self._words = Words(known)
        self._numbers_within = Words(_long_numbers(known))
        self._given: dict[str, str | None] = {}
        self._counts: dict[str, int] = {}
        self._called: dict[Footprint, Footprint] = {}
        """Footprints whose values have the names that they keep."""
        self._called_so: dict[Resource, Resource] = {}
        """The same of resources."""
        self._may_change = False
        """True if a resource was met that may come to be called otherwise."""
        self._overlooked = False

    def call(self, value: str, name: str) -> None:
        """``value`` is called ``name`` from now on, with the values in that by their names."""
        self._names.setdefault(value, self.seen_in(name))

    def seen_in(self, text: str) -> str:
        """``text`` with the generated values in it by their names, ``?`` where one has none."""
        if text in self._names:
            return self._names[text] or "?"
        return replaced(text, lambda value: self._names.get(value) or "?")

    @property
    def known(self) -> frozenset[str]:
        """The values that have a name by now."""
        return frozenset(value for value, name in self._names.items() if name)

    def begin(self) -> None:
        """All that was made so far was made before anybody moves: it is known from now on."""
        for (_, number), name in self._numbers.items():
            self._names.setdefault(number, name)
        self.beforehand = {value: name for value, name in self._names.items() if name}
        self._words = Words(self.beforehand)
        self._numbers_within = Words(_long_numbers(self.beforehand))
        self._overlooked, self._begun = False, True

    def constant(self, text: str) -> None:
        """Take what looks generated in ``text`` for nobody's: every execution has the same."""
        for value in generated(text):
            self._names.setdefault(value, value)

    def made(self, actor: str, text: str) -> None:
        """``actor`` sent ``text``, or was answered it when creating something."""
        # Asked of every text that is sent: most have none, and come again in every execution.
        for value in generated(text):
            if value not in self._names:
                self._name(actor, value)

    def inserted(
        self, actor: str, statement: str, columns: Sequence[str], row: Sequence[str | None]
    ) -> None:
        """``actor`` was answered ``row`` by an INSERT: numbers from sequences in it are its own."""
        roots = self._serials.made_by(statement)
        for column, value in zip(columns, row, strict=False):
            root = roots.get(column)
            # What a column refers to was not made by this statement.
            if value is None or root is None or root[1] != column or self._overlooked:
                continue
            if (root, value) not in self._numbers:
                self._numbers[root, value] = self._next(actor)
                if not self._begun:
                    self._given_out.add(value)
                self._makers[root, value] = actor

    def found(self, text: str) -> None:
        """``text`` was read by somebody: what is new in it was made by nobody knows whom."""
        for value in generated(text):
            self._names.setdefault(value, None)

    def overlooked(self) -> None:
        """More was read than was looked at: from now on nobody is known to have made anything."""
        self._overlooked = True

    def text(self, actor: str, text: str) -> str:
        """``text`` with every generated value in it replaced by its name, or by ``?``."""
        return self._text(actor, text) or GENERATED.sub(
            lambda match: self._name(actor, match.group()) or "?", text
        )

    def label(self, actor: str, text: str) -> str:
        """The label of a step as ``text`` is, with long numbers that were known beforehand by their
        names too.

        A statement's values are no part of its label, but names that are made of an id are: of a
        channel (``NOTIFY order_730411``), a table. A short number may be part of any name.
        """
        return self.text(actor, self._numbers_within.named(text))

    def unit(self, label: str) -> str:
        """The label of a unit by which it is found again in other executions, whoever sends it.

        It depends on what was known beforehand alone: what is learnt of a unit in the middle of an
        execution is asked for at the beginning of the next.
        """
        return replaced(
            self._numbers_within.named(label), lambda value: self.beforehand.get(value) or "?"
        )

    def sentence(self, actor: str, text: str) -> str:
        """A sentence with every generated value in it replaced by its name, or by ``?``.

        A name that says itself what it is ("order 1") is not told twice ("order order 1").
        """
        for value, name in self.beforehand.items():
            kind, space, _ = name.partition(" ")
            if space and GENERATED.fullmatch(value):
                text = text.replace(f"{kind} {value}", value)
        return self.text(actor, text)

    def seen(self, text: str) -> str:
        """``text`` by its name if it has one; gives none, so that looking changes nothing."""
        return self._names.get(text) or text

    def seen_within(self, text: str) -> str:
        """``text`` with the values in it that were known beforehand by their names."""
        return self._names.get(text) or self._words.named(text)

    def numbers_are_in(self, column: str) -> bool:
        """Return whether a sequence makes up the values of columns of that name, in whichever
        table."""
        return column in self._serials.columns

    def number(self, column: str, value: str) -> str | None:
        """The name of a number in such a column, by which it is known in one of the tables; itself
        if it was there before any execution. None if it has no name."""
        for root in self._serials.roots_of(column):
            name = self._numbered(root, value)
            if name is not None:
                return name
        return None

    def resource(self, actor: str, resource: Resource) -> Resource:
        """``resource`` with the values of its key replaced by their names.

        Values without a name are left out of the key: the resource is larger then.
        """
        if not resource.key:
            return resource
        called = self._called_so.get(resource)
        if called is not None:
            return called
        place, stays, key = resource.place, True, list[tuple[str, str]]()
        maker, further = "", _NOTHING
        for column, value in resource.key:
            if column == MADE:
                stays, maker = False, actor
                continue
            if column.startswith(RW_MARK):
                stays = False
                if mark := self._rw_mark(actor, column):
                    key.append((mark, value))
                    key.sort()
                continue
            if self._unnamed and (place[:2], column) in self._unnamed:
                continue
            root = self._serials.root(place, column)
            if root is None:
                named = self._value(actor, place, column, value)
            else:
                # It may have another name once it is known whose it is.
                stays, named = False, self._numbered(root, value)
                if root == (place[1], column):
                    maker = maker or self._maker(root, value)
                    further = self._facts(place[1], column, value)
            if named is not None:
                key.append((column, named))
        if further:
            given = {column for column, _ in resource.key}
            for column, value in further.items():
                if column not in given and (place[:2], column) not in self._unnamed:
                    root = self._serials.root(place, column)
                    named = (
                        self._value(actor, place, column, value)
                        if root is None
                        else self._numbered(root, value)
                    )
                    if named is not None:
                        key.append((column, named))
            key.sort()
        if maker and self._apart(place[1]):
            key.insert(0, (MADE, maker))
        called = Resource(place, tuple(key), resource.shared)
        if stays:
            self._called_so[resource] = called
        else:
            self._may_change = True
        return called

    def _rw_mark(self, actor: str, mark: str) -> str:
        """Return the mark with its row's value by name; empty if that has none."""
        start, table, column, commits, value = mark.split("\0", 5)[1:]
        place = ("pg", table)
        if (place, column) in self._unnamed:
            return ""
        root = self._serials.root(place, column)
        if root is None:
            named = self._value(actor, place, column, value)
        else:
            named = self._numbered(root, value)
        return "" if named is None else "\0".join(("", start, table, column, commits, named))

    def footprint(self, actor: str, footprint: Footprint) -> Footprint:
        """``footprint`` with the values of all keys replaced by their names."""
        if footprint.empty:
            return footprint
        # What has a name by now is called so by everybody, whoever asks.
        called = self._called.get(footprint)
        if called is not None:
            return called
        self._may_change = False
        called = Footprint(
            self._resources(actor, footprint.looks),
            self._resources(actor, footprint.locks),
            self._resources(actor, footprint.publishes),
        )
        if not self._may_change:
            self._called[footprint] = called
        return called

    def _maker(self, root: Root, value: str) -> str:
        """Return who has made the row with this number of its own; empty if that is not known."""
        maker = self._makers.get((root, value))
        if maker is None and self._serials.lasting(root, value):
            return BEFORE
        return maker or ""

    def _resources(self, actor: str, resources: frozenset[Resource]) -> frozenset[Resource]:
        if not resources:
            return resources
        # In an order that does not depend on the values: the first seen gets the first name.
        ordered = resources if len(resources) == 1 else sorted(resources, key=_without_values)
        return frozenset([self.resource(actor, resource) for resource in ordered])

    def _value(self, actor: str, place: tuple[str, ...], column: str, value: str) -> str | None:
        if column in _OURS and place[0] == "stripe":
            return value
        if value not in self._given:
            self._given[value] = self._composed(actor, value)
        return self._given[value]

    def _numbered(self, root: Root, value: str) -> str | None:
        """The name of a value that is from a sequence."""
        if (root, value) in self._numbers:
            return self._numbers[root, value]
        # A number that another sequence gave is the same as this one by chance: a name for it would
        # be right in this execution and wrong in the next.
        if value in self._names and value not in self._given_out:
            return self._names[value]
        return value if self._serials.lasting(root, value) else None

    def _composed(self, actor: str, value: str) -> str | None:
        """``value`` with the names of what it is composed of, or was calculated from."""
        if value in self._names:
            return self._names[value]
        return self._text(actor, self._words.named(source(value) or value))

    def _text(self, actor: str, text: str) -> str | None:
        """``text`` with names in it; None if something in it has none."""
        if text in self._names:
            return self._names[text]
        values = generated(text)
        if not values:
            return text
        names = {value: self._name(actor, value) for value in values}
        if None in names.values():
            return None
        return replaced(text, lambda value: names[value] or "")

    def _name(self, actor: str, value: str) -> str | None:
        if value not in self._names:
            if self._overlooked:
                self._names[value] = None
            else:
                self._names[value] = self._next(actor, "@" if _TIME.fullmatch(value) else "#")
        return self._names[value]

    def _next(self, actor: str, sign: str = "#") -> str:
        kind = f"{actor}{sign}"
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{kind}{number}"


def _long_numbers(known: Mapping[str, str]) -> dict[str, str]:
    return {
        value: name
        for value, name in known.items()
        if len(value) >= _LONG_NUMBER and value.isdigit() and value.isascii()
    }


def _without_values(resource: Resource) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return resource.place, tuple([column for column, _ in resource.key])
