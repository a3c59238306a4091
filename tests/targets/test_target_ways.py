"""The ways to run a target under load, and what the figures of each come to."""

from __future__ import annotations

import asyncio
import dataclasses
from types import SimpleNamespace

import msgspec
import pytest

from paidonce import reports
from paidonce.harness.errors import UsageError
from paidonce.harness.history import Action, Completed, Invoked, Outcome
from paidonce.harness.predict import Fix
from paidonce.harness.predict.trying import OWN_DATABASE
from paidonce.harness.results.fix_costs import (
    AS_IT_IS,
    WITHOUT_TAPS,
    AttemptsCome,
    FixCosts,
    LeftOut,
    PlayedOrders,
    Way,
    WayRun,
)
from paidonce.harness.results.proof import Machine
from paidonce.harness.taps.changes import Migrated, Replaced
from paidonce.harness.targets.load.playing import AnswerTimes, Pressure, played
from paidonce.harness.targets.load.ways import ways_of
from paidonce.reports.formats import fix_costs as writer

LOCK = Replaced(sql="SELECT 1", by="SELECT 1 FOR UPDATE")
OTHER = Replaced(sql="SELECT 2", by="SELECT 2 FOR UPDATE")
INDEX = Migrated(sql="CREATE UNIQUE INDEX ON payments (order_id)")
CLAIM = Fix(name="claim", how="claim it", untried="it is the service's own code")


def forecast(*fixes):
    return SimpleNamespace(predictions=tuple(SimpleNamespace(fixes=each) for each in fixes))


def lock(*changes):
    return Fix(name="FOR UPDATE", how="lock it", changes=changes)


def test_fixes_of_one_name_are_made_together_and_what_cannot_be_tried_is_named():
    ways, left_out = ways_of(forecast((lock(LOCK), CLAIM), (lock(OTHER, LOCK), CLAIM)))
    assert [way.name for way in ways] == [AS_IT_IS, WITHOUT_TAPS, "FOR UPDATE"]
    assert [way.tapped for way in ways] == [True, False, True]
    assert (ways[2].changes, ways[2].closes) == ((LOCK, OTHER), (1, 2))
    assert left_out == (LeftOut(name="claim", closes=(1, 2), why=CLAIM.untried),)


def test_a_database_that_runs_already_is_not_changed():
    index = Fix(name="unique index", how="make one", changes=(INDEX,))
    ways, left_out = ways_of(forecast((index,)), own_database=True)
    assert len(ways) == 2
    assert [one.why for one in left_out] == [OWN_DATABASE]
    assert len(ways_of(forecast((index,)))[0]) == 3


def test_a_recorder_of_times_keeps_nothing_else():
    took = []
    one = AnswerTimes(took)
    one.record(Invoked(t=0, op=1, attempt="tab", action=Action.REQUEST, order="1"))
    one.record(Completed(t=2_000_000, op=1, outcome=Outcome.OK))
    one.record(Completed(t=9_000_000, op=2, outcome=Outcome.OK))
    assert took == [2.0]


class Clients:
    """Orders of which every second one is paid; ``together`` is how many are played at once."""

    def __init__(self, *, takes_back=False):
        self.takes_back = takes_back
        self.made = self.settled = self.playing = self.together = 0
        self.wires = []

    async def beside(self, script, journal, wires):
        self.wires.append(id(wires))
        return await self.begin(script, journal)

    async def begin(self, script, journal):
        self.made += 1
        return Order(self, paid=self.made % 2 == 0)

    async def settle(self):
        self.settled += 1


@dataclasses.dataclass
class Order:
    clients: Clients
    paid: bool
    progressions: dict = dataclasses.field(default_factory=dict)

    async def join(self, surroundings):
        pass

    async def may_begin(self, attempt):
        return True

    async def play(self, attempt, released=None):
        if released is not None:
            await released()
        self.clients.playing += 1
        self.clients.together = max(self.clients.together, self.clients.playing)
        await asyncio.sleep(0.05)
        self.clients.playing -= 1
        self.progressions[attempt] = SimpleNamespace(through=self.paid and attempt == "tab 1")


SCRIPT = SimpleNamespace(
    clients=[SimpleNamespace(name="tab 1"), SimpleNamespace(name="tab 2")],
    rules=lambda: SimpleNamespace(counted=("tab 1", "tab 2")),
)


@pytest.mark.parametrize(
    ("pace", "together"), [(AttemptsCome.AT_ONCE, 8), (AttemptsCome.IN_TURN, 4)]
)
def test_so_many_orders_are_played_at_once_each_user_on_connections_of_its_own(pace, together):
    clients = Clients()
    found = asyncio.run(played(clients, SCRIPT, Pressure(users=4, orders=10), pace))
    assert (found.orders, found.paid) == (10, 5)
    assert clients.made == 14, "a few are played before the clock runs"
    assert clients.together == together
    assert len(set(clients.wires[-10:])) == 4


def test_one_order_at_a_time_where_the_file_takes_something_back():
    clients = Clients(takes_back=True)
    found = asyncio.run(played(clients, SCRIPT, Pressure(users=4, orders=6), AttemptsCome.AT_ONCE))
    assert (found.orders, found.paid, clients.settled) == (6, 3, 6)
    assert clients.together == 2


def run(number, rate, *, broken=0, never=()):
    each = PlayedOrders(orders=100, paid=90, seconds=90 / rate, median_ms=5, p99_ms=20)
    return WayRun(
        round=number,
        bursts=10,
        broken=broken,
        reason="two charges" if broken else "",
        played=dict.fromkeys(AttemptsCome, each),
        never_came=never,
    )


COSTS = FixCosts(
    target="shop",
    variant="racy",
    sound=False,
    started="2026-12-01T04:00:00+00:00",
    command="paidonce load shop.toml --try",
    machine=Machine(system="Linux", cpus=2, python="3.11", paidonce="0", backends={}),
    users=8,
    rounds=3,
    stripe_latency="20",
    one_by_one=False,
    ways=(
        Way(name=AS_IT_IS, runs=(run(1, 100, broken=9), run(2, 50), run(3, 80))),
        Way(name="FOR UPDATE", closes=(1,), runs=(run(1, 80), run(2, 50), run(3, 60))),
        Way(name="unique index", closes=(1,), runs=(run(1, 90, broken=2, never=("an index",)),)),
        Way(name="advisory lock", closes=(1,), failed="the service was <gone>"),
    ),
    left_out=(LeftOut(name="claim", closes=(1,), why="it is code of the service"),),
)


def test_a_share_is_of_what_was_measured_in_the_same_round():
    whole, locked, index, lost = COSTS.ways
    assert COSTS.rate(locked, AttemptsCome.AT_ONCE).middle == pytest.approx(60)
    share = COSTS.share(locked, AttemptsCome.AT_ONCE)
    assert (share.middle, share.least, share.most) == pytest.approx((0.8, 0.75, 1.0))
    assert COSTS.share(whole, AttemptsCome.IN_TURN).most == 1
    assert COSTS.share(index, AttemptsCome.IN_TURN).middle == pytest.approx(0.9)
    assert COSTS.rate(lost, AttemptsCome.AT_ONCE) is None
    assert (whole.bursts, whole.broken) == (30, 9)


def test_every_file_of_the_report_says_what_broke_and_what_could_not_be_tried(tmp_path):
    paths = {path.name: path for path in reports.write_fix_costs(COSTS, tmp_path)}
    assert writer.read(paths["costs.json"]) == COSTS
    for name in ("report.html", "summary.md"):
        text = paths[name].read_text()
        for word in (
            "unique index: does not close everything: two charges",
            "unique index: what was to be changed never came: an index",
            "advisory lock: could not be measured: the service was &lt;gone",
            "claim: cannot be tried from outside",
            "9 of 30",
        ):
            assert word in text, (name, word)
    drawn = paths["costs.svg"].read_text()
    assert "✗ 2/10" in drawn
    assert "60.0 (0.80)" in drawn
    assert "advisory lock" not in drawn, "nothing is known of it"


def test_figures_that_are_none_are_refused(tmp_path):
    path = tmp_path / "costs.json"
    path.write_bytes(msgspec.json.encode({"target": "shop"}))
    with pytest.raises(UsageError, match="cannot be read"):
        writer.read(path)
