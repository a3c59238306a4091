"""One condition after another: what a sweep measures."""

from __future__ import annotations

import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.load.measure import Workload
from paidonce.harness.load.sweep import sweeps, swept

BOTH = ("contention=hot,zipf:1.1,distinct", "stripe-latency=20,0,100")


def conditions(base: Workload, *texts: str) -> list[tuple[str, str]]:
    return [(work.contention, work.stripe_latency) for work in swept(base, sweeps(texts))]


def test_each_sweep_varies_one_thing_and_they_meet_in_one_point() -> None:
    assert conditions(Workload(profile="pay"), *BOTH) == [
        ("hot:1", "20"),
        ("zipf:1.1:100", "20"),
        ("distinct", "20"),
        ("hot:1", "0"),
        ("hot:1", "100"),
    ]


def test_what_has_its_own_flag_stays_there() -> None:
    base = Workload(profile="pay", contention="distinct", stripe_latency="lognormal:50,0.5")
    assert conditions(base, BOTH[0]) == [
        ("hot:1", "lognormal:50,0.5"),
        ("zipf:1.1:100", "lognormal:50,0.5"),
        ("distinct", "lognormal:50,0.5"),
    ]
    assert conditions(base, BOTH[1]) == [("distinct", "20"), ("distinct", "0"), ("distinct", "100")]
    assert conditions(base) == [("distinct", "lognormal:50,0.5")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("think=1,2", "--sweep: expected contention=hot,zipf:1.1,distinct or stripe-latency="),
        ("contention", "--sweep: expected contention="),
        ("contention=hot,tepid", "--sweep contention: expected hot, hot:N"),
        ("contention=hot,hot:1", "--sweep contention: expected at least two different values"),
        ("stripe-latency=5", "--sweep stripe-latency: expected at least two different values"),
        ("stripe-latency=5,fast", "--sweep stripe-latency: expected numbers of milliseconds"),
        ("stripe-latency=5,-1", "expected 0 to 60000 milliseconds"),
    ],
)
def test_what_cannot_be_swept_is_said(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        sweeps([text])
    assert message in str(raised.value)


def test_a_sweep_is_given_once() -> None:
    with pytest.raises(UsageError, match="--sweep stripe-latency: given twice"):
        sweeps(["stripe-latency=1,2", "stripe-latency=3,4"])
