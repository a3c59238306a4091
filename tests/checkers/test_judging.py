"""How histories are put to checkers."""

from __future__ import annotations

import pytest

from paidonce.harness.capability import Capability
from paidonce.harness.checkers import CHECKERS, checker, judge, judge_with
from paidonce.harness.checkers.base import NOTHING, Needs, Telling, Violation, conclude
from paidonce.harness.checkers.linearizable import Linearizable
from paidonce.harness.errors import UsageError
from paidonce.harness.history import History
from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.verdict import Status, Verdict


class Crashing:
    name = "crashing"
    title = "Always breaks"
    needs = NOTHING
    telling = Telling()

    def check(self, history: History) -> Verdict:
        raise KeyError("tab 1")


class Convinced:
    """Says what it is told to say."""

    title = "Knows already"
    telling = Telling()

    def __init__(self, status: Status, needs: Needs = NOTHING) -> None:
        self.name = f"convinced-{status}"
        self.needs = needs
        self._status = status

    def check(self, history: History) -> Verdict:
        return Verdict(checker=self.name, status=self._status, reason="because")


def empty(*, cut: bool = False, **header: object) -> History:
    return HistoryBuilder(**header).build(cut=cut)  # type: ignore[arg-type]


def test_a_crash_is_unknown_and_says_where() -> None:
    crashed, fine = judge_with([Crashing(), Convinced(Status.VALID)], empty())
    assert crashed.status is Status.UNKNOWN
    assert crashed.reason == "the checker crashed: KeyError: 'tab 1'"
    assert "in check" in crashed.details["traceback"]
    assert fine.status is Status.VALID


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        (Status.VALID, Status.UNKNOWN),
        (Status.INVALID, Status.INVALID),
        (Status.UNKNOWN, Status.UNKNOWN),
    ],
)
def test_a_history_that_was_cut_off_proves_no_absence(said: Status, stands: Status) -> None:
    assert judge_with([Convinced(said)], empty(cut=True))[0].status is stands
    torn = History(empty().events, truncated=True)
    assert judge_with([Convinced(said)], torn)[0].status is stands
    assert judge_with([Convinced(said)], empty())[0].status is said


def test_a_lacking_capability_is_named_with_its_meaning_and_alternatives() -> None:
    needs = (
        frozenset({Capability.STRIPE_LEDGER, Capability.ORDER_STATE}),
        frozenset({Capability.STRIPE_CALLS}),
    )
    convinced = Convinced(Status.INVALID, needs)
    history = empty(capabilities=["service.orders", "from.the.future"])
    found = judge_with([convinced], history)[0]
    assert found.status is Status.UNKNOWN
    assert found.reason == (
        "this run cannot judge it: lacking stripe.ledger (Stripe's objects can be listed and are "
        "true) or stripe.calls (every call to Stripe is seen at a tap)"
    )
    enough = empty(capabilities=["stripe.calls"])
    assert judge_with([convinced], enough)[0].status is Status.INVALID


def test_the_header_names_the_checkers_unless_the_caller_does() -> None:
    history = empty(checkers=["one-success", "linearizable"])
    assert [v.checker for v in judge(history)] == ["one-success", "linearizable"]
    assert [v.checker for v in judge(history, ["one-charge", "one-charge"])] == ["one-charge"]


def test_unknown_names_and_no_names_are_usage_errors() -> None:
    with pytest.raises(UsageError, match=r"unknown checker 'one-sucess'; choose from one-success,"):
        judge(empty(), ["one-sucess"])
    with pytest.raises(UsageError, match="unknown checker"):
        judge(empty(checkers=["gone"]))
    with pytest.raises(UsageError, match="no checker was named"):
        judge(empty())
    with pytest.raises(UsageError, match="choose from one-success"):
        checker("nope")
    assert checker("progress") is CHECKERS["progress"]


def test_conclude_puts_a_violation_before_a_doubt_and_counts_the_rest() -> None:
    many = [Violation(reason=f"no {n}", evidence=(n,)) for n in range(30)]
    found = conclude("x", empty(), violations=many, doubts=["hm"], fine="fine")
    assert (found.status, found.reason) == (Status.INVALID, "no 0 (and 29 more)")
    assert found.evidence == (0,)
    assert found.details["count"] == 30
    assert len(found.violations) == 20
    doubtful = conclude("x", empty(), doubts=["hm", "eh"], fine="fine")
    assert (doubtful.status, doubtful.reason) == (Status.UNKNOWN, "hm (and 1 more)")
    assert conclude("x", empty(), fine="fine").reason == "fine"


def test_absence_proves_nothing_where_the_record_has_gaps() -> None:
    missing = [Violation(reason="it is not there", absence=True)]
    whole = conclude("x", empty(), violations=missing, fine="fine")
    assert whole.status is Status.INVALID
    gap = conclude("x", empty(), violations=missing, gaps=["a page is torn"], fine="fine")
    assert gap.status is Status.UNKNOWN
    assert gap.reason.startswith("a page is torn")
    cut = conclude("x", empty(cut=True), violations=missing, fine="fine")
    assert cut.status is Status.UNKNOWN
    assert cut.reason == "history was cut off, and it is not there"


def crowded() -> History:
    """Price changes at once, and a last look that fits none: much to try."""
    h = HistoryBuilder()
    h.order("o1")
    pending = [h.change_amount(1000 + n) for n in range(9)]
    for operation in pending:
        operation.ok()
    h.observed("o1", "unpaid", amount=77)
    return h.build()


def test_a_search_that_is_given_up_is_unknown_with_the_reason() -> None:
    assert Linearizable().check(crowded()).status is Status.INVALID
    for bounded in (Linearizable(max_configurations=50), Linearizable(max_seconds=0.0)):
        found = bounded.check(crowded())
        assert found.status is Status.UNKNOWN
        assert "no conclusion after" in found.reason
