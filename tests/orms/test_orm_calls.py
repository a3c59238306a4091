"""The calls that reports show are those that were run against the real packages."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

from paidonce.harness.orms import NAMES, ORMS, RowAsked, Way, call, spoken

ROOT = Path(__file__).parents[2]
INSTALLED = ("django", "sqlalchemy")
"""Those whose packages the development environment has: the default tests run them."""


def _pages():
    place = ROOT / "docs" / "orm_pages.py"
    spec = importlib.util.spec_from_file_location("orm_pages", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = _pages()
SEEN = json.loads(PAGES.SEEN.read_text())
MANIFESTS = ("package.json", "requirements.txt", "go.mod", "pom.xml", "Cargo.toml")


def _sent(name, case):
    return SEEN[name]["cases"][case]["sent"]


def test_every_orm_was_seen_in_the_version_that_its_program_pins():
    assert tuple(ORMS) == NAMES == tuple(SEEN)
    for name, orm in ORMS.items():
        assert SEEN[name]["version"] == orm.version, f"run: python docs/orm_pages.py {name}"
        folder = PAGES.PROGRAMS / name
        (manifest,) = [folder / one for one in MANIFESTS if (folder / one).exists()]
        assert re.search(rf"(?<![\d.]){re.escape(orm.version)}\b", manifest.read_text()), manifest


def test_the_page_is_current():
    text = PAGES.PAGE.read_text()
    assert text == PAGES.page(text, SEEN), "run: python docs/orm_pages.py"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_does_what_it_is_shown_for(name):
    sent = "; ".join(one.upper() for one in _sent(name, "lock"))
    lock = PAGES.LOCKS.search(sent)
    begun = re.split(r"\b(?:BEGIN|START TRANSACTION)\b", sent[: lock.start()])
    assert len(begun) > 1, "in no transaction"
    assert "COMMIT" not in begun[-1]
    assert "COMMIT" in sent[lock.end() :]
    first, second = [one for one in _sent(name, "conditional") if re.match("update", one, re.I)]
    assert first == second
    assert re.search(r"where.*\bstatus\b", first, re.I)
    assert not re.search(r"\b(select|exists)\b", first, re.I), "no claim: it looks first"
    assert SEEN[name]["cases"]["conditional"]["told"] == "the second: another request was first"
    assert any("pg_advisory_xact_lock" in one for one in _sent(name, "advisory"))
    assert any("SERIALIZABLE" in one.upper() for one in _sent(name, "serializable"))
    for way in ("lock", "advisory", "serializable"):
        assert SEEN[name]["cases"][way]["told"] == ""


@pytest.mark.parametrize("name", NAMES)
def test_who_speaks_is_told_with_certainty_or_not_at_all(name):
    sent = [one for case in SEEN[name]["cases"].values() for one in case["sent"]]
    hand_made = {"drizzle", "knex", "kysely", "tortoise", "jooq", "diesel", "sea-orm"}
    assert spoken(sent) == (None if name in hand_made else name)
    others = {spoken([one]) for one in sent}
    assert others <= {None, name}


def test_two_who_speak_are_none():
    both = [*_sent("django", "lock"), *_sent("typeorm", "lock")]
    assert spoken(both) is None
    assert spoken(["SELECT id, status FROM orders WHERE id = $1 FOR UPDATE"]) is None


def test_names_are_those_of_the_table():
    row = RowAsked(
        table="shop.gift_cards",
        key="card_no",
        column="state",
        value="open",
        sets=(("state", "spent"), ("spent_by", None)),
    )
    told = call(ORMS["sequelize"], Way.CONDITIONAL, row)
    assert 'GiftCard.update({ state: "spent", spent_by: spent_by }' in told
    assert '{ where: { card_no, state: "open" } }' in told
    told = call(ORMS["ent"], Way.CONDITIONAL, row)
    assert 'SetState("spent").SetSpentBy(spent_by)' in told


def test_what_cannot_be_told_is_no_call():
    row = RowAsked(table="orders", key="id", joined=True)
    assert call(ORMS["drizzle"], Way.LOCK, row) == ""
    assert call(ORMS["drizzle"], Way.CONDITIONAL, row) == ""
    given = RowAsked(table="orders", key="id", column="s", value="a", sets=(("s", None),))
    assert call(ORMS["drizzle"], Way.CONDITIONAL, given)
    assert call(ORMS["hibernate"], Way.CONDITIONAL, given) == ""


@pytest.mark.parametrize("name", INSTALLED)
def test_it_is_so_today(name, tmp_path, monkeypatch):
    monkeypatch.setattr(PAGES, "COMMANDS", {"python": ()})
    monkeypatch.setattr(PAGES, "RUN", {"python": (sys.executable, "-W", "ignore", "program.py")})
    assert PAGES.ran(ORMS[name], tmp_path) == SEEN[name]["cases"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [one for one in NAMES if one not in INSTALLED])
def test_it_is_so_with_the_package(name, tmp_path):
    assert PAGES.ran(ORMS[name], tmp_path) == SEEN[name]["cases"]
