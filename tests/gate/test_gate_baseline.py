"""The baseline file: read strictly, written so that it can be read again."""

from __future__ import annotations

import datetime

import pytest
from gate_proofs import INVARIANTS, bursts, cell, found, proof

from paidonce.harness.checkers import target_tables
from paidonce.harness.errors import UsageError
from paidonce.harness.results import findings, read_baseline, write_baseline
from paidonce.harness.results.findings import known_ids
from paidonce.harness.verdict import Status

TODAY = datetime.date(2026, 11, 26)
KNOWN = known_ids(("racy", "locked"), (*INVARIANTS, *target_tables()))
GOOD = """
target = "shop"

[[accepted]]
finding = "racy/one charge at most"
reason = "the new checkout replaces it"
expires = 2026-11-26
"""


def read(tmp_path, text, **how):
    path = tmp_path / "base.toml"
    path.write_text(text)
    return read_baseline(path, "shop", KNOWN, TODAY, **how)


def test_an_entry_holds_up_to_its_day(tmp_path):
    baseline = read(tmp_path, GOOD)
    assert baseline.words == {
        "racy/one charge at most": "accepted until 2026-11-26: the new checkout replaces it"
    }


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("2026-11-26", "2026-11-25", "[[accepted]] 1, expires: 'racy/one charge at most' was acce"),
        ("2026-11-26", '"soon"', "[[accepted]] 1, expires: expected a day like 2027-03-31"),
        ("2026-11-26", "2026-11-26T10:00:00", "[[accepted]] 1, expires: expected a day like"),
        ("expires = 2026-11-26", "", "[[accepted]] 1, expires: missing"),
        ("expires", "until", "[[accepted]] 1, until: unknown key; expected finding, reason"),
        ("reason", "reasons", "[[accepted]] 1, reasons: unknown key; did you mean reason?"),
        ("the new checkout replaces it", " ", "[[accepted]] 1, reason: say why"),
        ('"the new checkout replaces it"', "5", "[[accepted]] 1, reason: expected a text, got 5"),
        ("racy/one charge at", "racy/two charges at", "did you mean 'racy/one charge at most'?"),
        ("racy/one charge at most", "x", "finding: the target has no 'x'; "),
        ('"shop"', '"shops"', "target: expected 'shop', got 'shops'"),
        ('target = "shop"', "", "target: expected 'shop', got None"),
        ("[[accepted]]", "[accepted]", "accepted: expected tables, each begun by [[accepted]]"),
        ("target", "targets", "targets: unknown key; did you mean target?"),
        ("= 2026", "2026", "not TOML"),
    ],
)
def test_what_is_wrong_is_one_message_naming_file_and_key(tmp_path, old, new, expected):
    assert old in GOOD
    with pytest.raises(UsageError) as raised:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert str(raised.value).startswith(str(tmp_path / "base.toml"))
    assert expected in str(raised.value)


def test_the_same_finding_twice(tmp_path):
    with pytest.raises(UsageError, match=r"\[\[accepted\]\] 2, finding: .* above already"):
        read(tmp_path, GOOD + GOOD.split("\n\n", 1)[1])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="does not exist; write a first one by --write-baseline"):
        read_baseline(tmp_path / "no.toml", "shop", KNOWN, TODAY)


def test_what_is_written_asks_for_reasons_and_is_good_with_them(tmp_path):
    path = tmp_path / "base.toml"
    first = read_baseline(path, "shop", KNOWN, TODAY, writing=True)
    listed = findings(proof(cell(found(), bursts(Status.INVALID))), first.words)
    assert write_baseline(path, first, listed, TODAY) == 3
    with pytest.raises(UsageError, match=r"\[\[accepted\]\] 1, reason: say why"):
        read_baseline(path, "shop", KNOWN, TODAY)
    path.write_text(path.read_text().replace('reason = ""', 'reason = "a \\"known\\" bug"'))
    again = read_baseline(path, "shop", KNOWN, TODAY)
    assert [entry.finding for entry in again.accepted] == [one.id for one in listed]
    assert again.accepted[0].reason == 'a "known" bug'
    assert again.accepted[0].expires == TODAY + datetime.timedelta(days=90)
    # Nothing new is found: nothing is added, and reasons stay.
    listed = findings(proof(cell(found(), bursts(Status.INVALID))), again.words)
    text = path.read_text()
    assert write_baseline(path, again, listed, TODAY) == 0
    assert path.read_text() == text
