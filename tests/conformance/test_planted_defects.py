"""Each check of sales, billing and what is sent on finds a defect that is planted for it."""

from __future__ import annotations

import pytest
from planted import PLANTED
from serving import served

from paidonce.harness.conformance import CHECKS, Check, CheckOutcome, billing, connect, run, sales
from paidonce.harness.conformance.client import Api

SOLD = [*sales.check.checks, *billing.check.checks, *connect.check.checks]


def _outcome(check: Check) -> tuple[CheckOutcome, str]:
    with served() as url:
        api = Api(url, "sk_test_1")
        (result,) = run(api, [check])
        api.close()
    return result.outcome, result.detail


def test_every_check_of_what_is_sold_has_its_defect() -> None:
    assert {check.name for check in SOLD} == set(PLANTED)
    assert set(SOLD) <= set(CHECKS)


@pytest.mark.parametrize("check", SOLD, ids=lambda check: check.name)
def test_a_planted_defect_of_the_simulator_is_found(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _outcome(check) == (CheckOutcome.PASSED, "")
    PLANTED[check.name](monkeypatch)
    outcome, detail = _outcome(check)
    assert outcome is CheckOutcome.FAILED, detail
    broke = "no answer" in detail or "500" in detail
    assert not broke, f"the simulator broke, instead of doing something wrong: {detail}"
