"""Random concurrent programs: money is conserved, one key has one effect, no state is illegal."""

from __future__ import annotations

from typing import Any

import pytest
from concurrent_programs import Execution, Op, Program, check
from hypothesis import HealthCheck, Phase, example, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from paidonce.harness.simulator.domain import confirming, refunds
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.engine import idempotency, locks
from paidonce.harness.simulator.engine.faults import (
    ErrorFault,
    Match,
    ResetFault,
    Rule,
    SilenceFault,
    When,
)
from paidonce.harness.simulator.engine.idempotency import IdempotencyStore, WhenBusy

CARDS = st.sampled_from(
    [
        "pm_card_visa",
        "pm_card_visa",
        "pm_card_chargeDeclined",
        "pm_card_threeDSecure2Required",
        "pm_usBankAccount_success",
        "pm_usBankAccount_insufficientFunds",
    ]
)
KEYS = st.none() | st.sampled_from(["a", "b", "c"])
AMOUNTS = st.sampled_from(["100", "400", "700", "1000", "1001"])


def params(**choices: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    """Any of these parameters, each there or not."""
    return st.fixed_dictionaries({}, optional=choices).map(lambda form: tuple(form.items()))


def op(what: Any, **choices: st.SearchStrategy[str]) -> st.SearchStrategy[Op]:
    return st.builds(
        Op, what=st.just(what), intent=st.integers(0, 1), params=params(**choices), key=KEYS
    )


OPS = st.one_of(
    op("create", payment_method=CARDS, confirm=st.just("true")),
    op("confirm", payment_method=CARDS),
    op("confirm", payment_method=st.just("pm_card_visa")),
    op("capture", amount_to_capture=AMOUNTS),
    op("cancel"),
    op("refund", amount=AMOUNTS),
    op("update", amount=AMOUNTS, payment_method=CARDS),
    op("authenticate", outcome=st.just("fail")),
)
RULES = st.builds(
    Rule,
    fault=st.sampled_from(
        [
            ErrorFault(when=When.BEFORE),
            ErrorFault(when=When.AFTER),
            ResetFault(when=When.BEFORE),
            ResetFault(when=When.AFTER),
            SilenceFault(when=When.AFTER),
        ]
    ),
    match=st.builds(Match, path=st.sampled_from(["*", "*/confirm", "/v1/refunds"])),
    probability=st.sampled_from([0.3, 1.0]),
)
PROGRAMS = st.builds(
    Program,
    clients=st.lists(st.lists(OPS, min_size=1, max_size=5).map(tuple), min_size=1, max_size=4).map(
        tuple
    ),
    starts=st.tuples(*[st.sampled_from(["automatic", "manual", "paid"])] * 2),
    seed=st.integers(0, 999),
    when_busy=st.sampled_from(WhenBusy),
    lock_wait_ms=st.sampled_from([0.0, 3.0, 1000.0]),
    rules=st.just(()) | RULES.map(lambda rule: (rule,)),
)

VISA = (("payment_method", "pm_card_visa"),)
RACE = Program(clients=((Op("confirm", params=VISA),),) * 4)


@given(PROGRAMS)
@example(RACE)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_many_concurrent_programs(program: Program) -> None:
    check(program)


@pytest.mark.slow
@given(PROGRAMS)
@settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_thousands_of_concurrent_programs(program: Program) -> None:
    check(program)


def test_a_program_is_executed_alike_every_time() -> None:
    program = Program(
        clients=(
            (Op("confirm", params=VISA, key="a"), Op("refund", params=(("amount", "400"),))),
            (Op("confirm", params=VISA, key="a"), Op("cancel")),
            (Op("create", params=(*VISA, ("confirm", "true")), key="b"), Op("refund")),
        ),
        seed=5,
    )
    first, second = Execution(program), Execution(program)
    assert first.answers
    assert [one.reply for one in first.answers] == [one.reply for one in second.answers]
    assert list(first.simulation.log) == list(second.simulation.log)


def test_interleavings_differ_with_the_seed_and_locks_time_out() -> None:
    """The programs would prove little if their requests never met."""
    outcomes = set()
    for seed in range(12):
        run = check(Program(clients=RACE.clients, seed=seed, lock_wait_ms=2.0))
        outcomes.add(tuple(one.reply.status for one in run.answers))
    assert len(outcomes) > 3
    assert any(429 in statuses for statuses in outcomes)
    assert all(statuses.count(200) == 1 for statuses in outcomes)


def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are taken and never found again."""

    def begin(self: IdempotencyStore, *record: Any) -> idempotency.Record:
        return idempotency.Record(*record)

    monkeypatch.setattr(IdempotencyStore, "begin", begin)


def _confirms_what_is_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, "_refuse_if_decided", lambda intent: None)


def _refunds_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    real = refunds._charge_to_refund

    def never_refunded(world: World, request: Any) -> Any:
        charge = real(world, request)
        return refunds.msgspec.structs.replace(charge, amount_refunded=0)

    monkeypatch.setattr(refunds, "_charge_to_refund", never_refunded)


def _keeps_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks.Locks, "release", lambda self, name: None)


@pytest.mark.parametrize(
    "defect", [_forgetful, _confirms_what_is_paid, _refunds_without_end, _keeps_locks]
)
def test_a_simulator_with_a_defect_is_found_out(
    monkeypatch: pytest.MonkeyPatch, defect: Any
) -> None:
    defect(monkeypatch)

    def fails(program: Program) -> bool:
        try:
            check(program)
        except AssertionError:
            return True
        return False

    search = settings(
        max_examples=400, deadline=None, database=None, phases=[Phase.generate], derandomize=True
    )
    try:
        find(PROGRAMS, fails, settings=search)
    except NoSuchExample:
        pytest.fail("no program found the defect")
