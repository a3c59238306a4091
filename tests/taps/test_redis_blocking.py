"""Which commands wait for what others send."""

from __future__ import annotations

import pytest

from paidonce.harness.taps.redis.blocking import may_block


@pytest.mark.parametrize(
    ("command", "blocks"),
    [
        ("BLPOP jobs 0", True),
        ("BLMOVE a b LEFT RIGHT 30", True),
        ("BZPOPMIN z 0", True),
        ("BLMPOP 5 1 jobs LEFT", True),
        ("XREAD COUNT 1 BLOCK 0 STREAMS s $", True),
        ("XREADGROUP GROUP g c block 5000 STREAMS s >", True),
        ("XREADGROUP GROUP g c STREAMS block 0", False),
        ("XREAD", False),
        ("LPOP jobs", False),
    ],
)
def test_what_waits_where_there_is_nothing_yet(command, blocks):
    name, *args = command.split()
    assert may_block(name, [one.encode() for one in args]) is blocks
