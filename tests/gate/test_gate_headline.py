"""The headline of a check says the same as its exit status."""

from __future__ import annotations

import msgspec
from gate_proofs import bursts, cell, complete, found, incomplete, proof

from paidonce.harness.results.assessment import assess
from paidonce.harness.verdict import Status
from paidonce.reports.overview.headline import Tone, headline

HELD = bursts(Status.VALID)
BROKE = bursts(Status.INVALID)


def told(*cells, unusable=()):
    assessed = assess(proof(*cells), unusable=unusable, complete=True)
    return assessed.exit_status, headline(assessed)


def test_what_is_not_complete_is_never_as_declared():
    sound = cell(complete(), HELD, variant="fixed")
    status, line = told(sound, cell(incomplete(), HELD, variant="other"))
    assert (status, line.tone, line.word) == (3, Tone.UNDECIDED, "Not decided")


def test_as_declared_is_exit_status_0_and_contradicted_is_1():
    sound = cell(complete(), HELD, variant="fixed")
    status, line = told(sound, cell(found(), BROKE, expected=Status.INVALID))
    assert (status, line.word) == (0, "As declared")
    status, line = told(sound, cell(found(), BROKE))
    assert (status, line.word) == (1, "Contradicted")


def test_a_set_up_that_is_wrong_says_so():
    status, line = told(cell(None, error="an attempt alone does not succeed"), unusable={"racy"})
    assert (status, line.tone, line.word) == (2, Tone.UNDECIDED, "Wrong set-up")


def test_a_variant_that_is_checked_by_itself_is_counted_whatever_is_claimed_of_it():
    checked = proof(cell(complete(), HELD))
    claimed = msgspec.structs.replace(checked.variants[0], sound=False)
    alone = msgspec.structs.replace(checked, variants=(claimed,))
    line = headline(assess(alone, complete=True))
    assert (line.word, line.sentence) == ("As declared", "1 guard held in the one scenario.")
