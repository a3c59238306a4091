"""Checks a target: each variant is tried out, explored, played in bursts, and judged."""

from __future__ import annotations

import time

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.process.threads import in_thread
from paidonce.harness.results.proof import Variant
from paidonce.harness.targets.check.checked import Checked
from paidonce.harness.targets.check.variant_check import LEAST_S, VariantCheck
from paidonce.harness.testbed.stack import Lane, Stack


async def check(stack: Stack, checked: Checked) -> None:
    """Build, then check every variant of the plan, filling ``checked`` as it goes.

    Raises ``PaidonceError`` where it cannot be built.
    """
    plan = checked.plan
    if plan.script.loaded.file.build:
        checked.doing("building")
        await in_thread(plan.subject.build)
    # Package managers and migrations take what they take; the time is for checking.
    deadline = time.monotonic() + plan.seconds
    count = 1 if plan.subject.one_at_a_time else stack.choice.lanes(plan.lanes)
    lanes = [await stack.lane() for _ in range(count)]
    for number, variant in enumerate(plan.variants):
        began = time.monotonic()
        failure = await _migrated(stack, lanes[0], checked, variant)
        deadline += time.monotonic() - began
        left = (deadline - time.monotonic()) / (len(plan.variants) - number)
        of_variant = VariantCheck(stack, lanes, checked, variant, max(left, LEAST_S))
        if failure is not None:
            of_variant.fails(str(failure))
            continue
        try:
            await of_variant.check()
        except PaidonceError as error:
            of_variant.fails(str(error), usable=isinstance(error, InvalidRun))


async def _migrated(
    stack: Stack, lane: Lane, checked: Checked, variant: Variant
) -> PaidonceError | None:
    """Have a variant's database ready; returns why there is none."""
    checked.doing(f"{variant.name}: migrating")
    try:
        await stack.migrate(lane, variant.name)
    except PaidonceError as error:
        return error
    return None
