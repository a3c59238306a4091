"""The interface between a search and what it searches: one execution, step by step.

A *world* is one run of the attempts from the initial state. The search asks who can move, moves
one, and is told what that touched; it cannot go back, only begin again in a fresh world and
repeat the choices. The reference model of Postgres's row locks is a world as well as the real
service behind its taps, so that a search can be checked against what is known to be true.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import msgspec

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.naming.answer_digest import NOTHING, AnswerDigest
from paidonce.harness.taps.faults import AtTap, FromOutside

ANSWER = "answer"
"""The label of a step by which an actor that had to wait gets the answer to its last one."""
COMMITS = "postgres commit by itself"
"""The label of the end of a statement that commits by itself, where that is a step of its own."""
LOST = "connection lost"
"""The label of a step by which an actor learns that the process is gone that it was in."""
REDELIVERY = "about to deliver its webhook again"
"""The label of a step by which an actor delivers what it delivered already."""
ASKS_AGAIN = "about to ask again"
"""The label of a step by which an actor asks again for what was not there yet."""

BEGINS = "stripe a call begins"
"""The label of the beginning of a call under a key that others send too: from when on it is under
way."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """The step that one actor would make next, if it were let.

    ``label`` is normalised: the same in every execution that has made the same choices so far.
    ``footprint`` is what the step is expected to touch, as far as can be told beforehand.
    ``deferred`` tells that nothing is lost if it is not made now: whatever could come of it comes
    of making it later.
    """

    actor: str
    label: str
    footprint: Footprint
    deferred: bool = False


class Tenure(msgspec.Struct, frozen=True):
    """The steps ``first`` to ``last`` (from 0) of an execution, in all of which ``actor`` held
    something that a later step of another begins by locking: during them that was deferred."""

    actor: str
    first: int
    last: int


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A step that was made.

    ``footprint`` is what it did touch, including what it let others do: a COMMIT by which a
    waiting statement of somebody else went through touches that statement's rows too.
    ``blocked`` tells that the actor now waits for somebody else; ``woken`` names those who no
    longer wait because of this step. ``at_lock`` tells that it waits for a lock of the database's.
    """

    actor: str
    label: str
    footprint: Footprint
    enabled: tuple[str, ...]
    """Actors that could have moved instead, this one included; in a fixed order."""
    blocked: bool = False
    at_lock: bool = False
    woken: tuple[str, ...] = ()
    choices: tuple[str, ...] | None = None
    """Those of ``enabled`` that were not deferred, where the search was told of any."""
    tenures: tuple[Tenure, ...] = ()
    """When the step would have been deferred, had its actor come to it earlier."""
    follows: int | None = None
    """The step (from 0) before which it was deferred whatever else happened."""
    heard: AnswerDigest = NOTHING
    """The answers the actor got in this step, in a form that can be compared."""
    fault: AtTap | FromOutside | None = None
    """The fault that happened in it, as planned; None where nothing went wrong."""
    done: bool = False
    """True if the dependency had done what it was asked when that happened."""
    moment: bool = False
    """True if it both looks and writes and is taken to happen at once, though the server promises
    no such thing."""

    @property
    def chosen_from(self) -> tuple[str, ...]:
        """Whom the search could choose from."""
        return self.enabled if self.choices is None else self.choices


class InvalidRun(PaidonceError):
    """This execution says nothing: the harness was not in control of it.

    The message says why (attribution was ambiguous, a replayed prefix diverged, a step did not
    come to rest in time). Such a run is never counted as explored.
    Exit code 3: nothing was decided.
    """

    exit_code = 3


class World(Protocol):
    """One execution. ``close`` must be called, also after an error."""

    def pending(self) -> tuple[Pending, ...]:
        """Return who can move now, in a fixed order; empty when the execution is over or stuck."""
        ...

    async def step(self, actor: str) -> Taken:
        """Let ``actor`` make its next step and wait until all has come to rest.

        Raises ``InvalidRun``.
        """
        ...

    async def finish(self) -> Hashable:
        """The outcome once nobody can move: equal outcomes are the same result.

        Raises ``InvalidRun`` when somebody is still waiting for something.
        """
        ...

    async def close(self) -> None:
        """Let everything go and leave nothing behind."""
        ...


class Worlds(Protocol):
    """Makes fresh executions, all from the same initial state."""

    async def fresh(self) -> World: ...
