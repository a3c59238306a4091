"""How clients of load behave: spreads, contention, time-outs and retries, by themselves."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from paidonce.harness.cli import load_options
from paidonce.harness.errors import UsageError
from paidonce.harness.history import Completed, Outcome
from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.load.analyse.summary import summarise
from paidonce.harness.load.generate.job import LoadJob
from paidonce.harness.load.generate.orders import HotPlaces
from paidonce.harness.load.plan.contention import DISTINCT, Contention, contention
from paidonce.harness.load.plan.retrying import FIRST_DELAY, LONGEST_DELAY, delay, worth_another_try
from paidonce.harness.load.plan.spread import spread
from paidonce.harness.results.load_conditions import Conditions
from paidonce.harness.service.description import Target
from paidonce.harness.simulator.wire.latency import Latency


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("50", "50"),
        ("fixed:0.5", "0.5"),
        ("uniform:20,80", "uniform:20,80"),
        ("exponential:50", "exponential:50"),
        (" lognormal:50,0.5 ", "lognormal:50,0.5"),
    ],
)
def test_a_spread_is_read_and_written_and_the_simulator_understands_it(
    text: str, shown: str
) -> None:
    found = spread(text, "--x", "milliseconds", 100)
    assert str(found) == shown
    assert spread(shown, "--x", "milliseconds", 100) == found
    theirs = msgspec.convert({"around": found.as_simulated()}, type=Latency).around
    ours, other = random.Random(3), random.Random(3)
    assert [found.sample(ours) for _ in range(9)] == [theirs.sample(other) for _ in range(9)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("soon", "expected milliseconds, as 5, uniform"),
        ("gauss:1,2", "got 'gauss:1,2'"),
        ("uniform:1", "expected milliseconds"),
        ("uniform:9,1", "lower bound comes first"),
        ("-1", "0 to 100"),
        ("nan", "0 to 100"),
        ("exponential:0", "more than 0"),
        ("lognormal:50,9", "sigma of 0 to 5"),
        ("101", "0 to 100 milliseconds"),
    ],
)
def test_a_spread_that_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=f"--x: .*{says}"):
        spread(text, "--x", "milliseconds", 100)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("hot", "hot:1"), ("hot:3", "hot:3"), ("zipf:1.1", "zipf:1.1:100"), ("zipf:0:7", "zipf:0:7")],
)
def test_a_contention_is_read_and_written(text: str, shown: str) -> None:
    assert str(contention(text)) == shown
    assert contention(shown) == contention(text)
    assert contention("distinct") == DISTINCT


@pytest.mark.parametrize(
    "text", ["", "hot:0", "hot:x", "hot:1:2", "zipf", "zipf:-1", "zipf:nan", "zipf:1:0", "warm"]
)
def test_a_contention_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--contention: expected"):
        contention(text)


def test_places_are_picked_as_often_as_zipf_says() -> None:
    places = HotPlaces(Contention("zipf", 4, 1.0), 3.0)
    chance, names = random.Random(7), iter("abcd")
    picked = Counter(places.pick(chance).current(lambda: next(names)) for _ in range(12_500))
    # 1 + 1/2 + 1/3 + 1/4 = 25/12: so 6000, 3000, 2000 and 1500 of these.
    for wanted, (_, found) in zip((6000, 3000, 2000, 1500), picked.most_common(), strict=True):
        assert found == pytest.approx(wanted, rel=0.1)


def test_clients_ask_again_as_stripes_libraries_do() -> None:
    def done(outcome: Outcome, code: str | None = None) -> bool:
        return worth_another_try(Completed(t=0, op=1, outcome=outcome, code=code))

    assert done(Outcome.UNKNOWN)
    assert done(Outcome.FAILED)
    assert done(Outcome.REJECTED, "payment_in_progress")
    assert not done(Outcome.REJECTED, "order_already_paid")
    assert not done(Outcome.OK)
    chance = random.Random(1)
    for retry, least, most in ((1, 0.5, 0.5), (2, 0.5, 1), (3, 1, 2), (4, 2, 4), (9, 2.5, 5)):
        waits = [delay(retry, chance) for _ in range(200)]
        assert least <= min(waits) <= max(waits) <= most
    assert (FIRST_DELAY, LONGEST_DELAY) == (0.5, 5.0)


def test_other_tries_are_counted_where_they_were_answered() -> None:
    h = HistoryBuilder()
    h.order("A")
    h.pay("user 1", key="k").unknown()
    h.pay("user 1", key="k").ok(payment_id="pi_1", replayed=True)
    h.pay("user 2", key="k").rejected("order_already_paid")
    h.pay("user 1").rejected("order_already_paid")
    assert summarise(h.build(), 0, 10**9).tried_again == 1


def job(target: Target, **changed: Any) -> LoadJob:
    values: dict[str, Any] = {
        "target": target,
        "base_url": "http://127.0.0.1:1",
        "variant": "v",
        "profile": "pay",
        "users": 4,
        "seconds": 1,
        "warmup": 0,
    }
    return LoadJob(**{**values, **changed})


def test_a_result_says_its_conditions_with_defaults_filled_in(target: Target) -> None:
    assert job(target, profile="hot").conditions == Conditions(
        contention="hot:2", think_s="0.01", timeout_s=15.0
    )
    assert job(target, profile="shop").conditions.retries == 2
    told = job(target, contention="zipf:1", retries=1, patience=0.5, stripe_latency="50")
    assert told.conditions.contention == "zipf:1:100"
    assert "wait 0.5 s for an answer, one retry, Stripe takes 50 ms" in told.conditions.words
    assert told.file_stem == "load-pay-zipf-1-v"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"contention": "warm"}, "--contention: expected"),
        (
            {"contention": "hot", "profile": "many"},
            "the profile many always has the contention distinct",
        ),
        ({"think": "x"}, "think: expected seconds"),
        ({"patience": 0.0}, "patience: expected 0.05"),
        ({"retries": 99}, "retries: expected 0 to 20"),
    ],
)
def test_a_wrong_parameter_is_named(target: Target, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        job(target, **changed)


def test_only_a_stripe_that_can_be_told_is_told_how_long_to_take() -> None:
    load_options.check_stripe("", "stripe-mock")
    load_options.check_stripe("lognormal:50,0.5", "simulator")
    load_options.check_stripe("50", "http://127.0.0.1:12111")
    with pytest.raises(UsageError, match="--stripe-latency: only the paidonce simulator"):
        load_options.check_stripe("50", "stripe-mock")
    with pytest.raises(UsageError, match="--stripe-latency: expected milliseconds"):
        load_options.check_stripe("slow", "simulator")


def test_contentions_multiply_profiles_that_have_none_of_their_own() -> None:
    assert load_options.contentions_of("many", None) == ("",)
    assert load_options.contentions_of("pay", ["hot", "hot:1", "distinct"]) == ("hot:1", "distinct")
    with pytest.raises(UsageError, match="the profile hot always has the contention hot:2"):
        load_options.contentions_of("hot", ["distinct"])
