"""Random small programs for the model of row locks, with Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st
from rowprograms import (
    Begin,
    Call,
    Commit,
    Insert,
    Lock,
    Mode,
    Program,
    Read,
    Remove,
    Rollback,
    Step,
    StopIf,
    Wait,
    Write,
)

ROWS = (1, 2, 3)
KEYS = (1, 2)
VALUES = (0, 1)
MODES: tuple[Mode, ...] = ("KEY SHARE", "SHARE", "NO KEY UPDATE", "UPDATE")
WAITS: tuple[Wait, ...] = ("", "", "NOWAIT", "SKIP LOCKED")

_row = st.sampled_from(ROWS[:2])
_key = st.sampled_from(KEYS)
_value = st.sampled_from(VALUES)
_maybe_value = st.none() | _value

reads = st.builds(Read, row=_row)
locks = st.builds(
    Lock,
    rows=st.sampled_from([(1,), (2,), (1, 2)]),
    mode=st.sampled_from(MODES),
    wait=st.sampled_from(WAITS),
    when=_maybe_value,
)
writes = st.builds(
    Write, row=_row, value=st.sampled_from([1, 2]), add=st.booleans(), when=_maybe_value
)
inserts = st.builds(Insert, key=_key, row=st.none() | _row, skip=st.booleans())
removes = st.builds(Remove, key=_key)
calls = st.builds(Call, thing=st.sampled_from(["charge", "mail"]))
stops = st.builds(StopIf, answer=st.sampled_from([0, 1, (), (1,), "23505"]))

statements: st.SearchStrategy[Step] = st.one_of(
    reads, locks, locks, writes, writes, inserts, removes, calls
)


@st.composite
def sections(draw: st.DrawFn, longest: int) -> tuple[Step, ...]:
    """One statement by itself, or a transaction."""
    inside = draw(st.lists(st.one_of(statements, stops), min_size=1, max_size=longest))
    if len(inside) == 1 and draw(st.booleans()):
        return tuple(inside)
    end: Step = draw(st.sampled_from([Commit(), Commit(), Commit(), Rollback()]))
    return (Begin(), *inside, end)


@st.composite
def actors(draw: st.DrawFn, longest: int, most_sections: int) -> tuple[Step, ...]:
    """What one actor does."""
    found = draw(st.lists(sections(longest), min_size=1, max_size=most_sections))
    return tuple(step for section in found for step in section)


@st.composite
def programs(
    draw: st.DrawFn, *, most_actors: int = 3, longest: int = 3, most_sections: int = 2
) -> Program:
    """A program of two actors or more; ``longest`` bounds the statements of a transaction."""
    count = draw(st.integers(2, most_actors))
    names = ["a", "b", "c", "d"][:count]
    return Program(
        actors={name: draw(actors(longest, most_sections)) for name in names},
        rows={row: draw(_value) for row in ROWS},
        keys=draw(st.sampled_from([(), (1,), (1, 2)])),
    )
