"""The diagrams: every step, who it goes to, and nothing that could be taken for syntax."""

from __future__ import annotations

import re

from narratives import Recorded, lock_story, witness

from paidonce.harness.explore.witness.export import mermaid, text
from paidonce.harness.explore.witness.export.sequence import arrows
from paidonce.harness.explore.witness.narrative import narrate
from paidonce.harness.history import Outcome

TEXT = """\
two_tabs, reference (none)

      tab 1   tab 2    Postgres   Stripe
  1      *       |        |         |      asks: pay (key k-1)
         |-------+------->|         |      BEGIN
         |<------+--------|         |      BEGIN
  2      |-------+------->|         |      UPDATE orders SET status = 'paid' WHERE id = '1'
         |<------+--------|         |      UPDATE 1
  3      |       *        |         |      asks: pay
         |       |------->|         |      BEGIN
         |       |<-------|         |      BEGIN
  4      |       |------->|         |      UPDATE orders SET status = 'paid' WHERE id = '1'
         |       *        |         |      waits for a lock in Postgres, until tab 1 lets it go on
  5      |-------+--------+-------->|      {stripe}
         |<------+--------+---------|      200 pi_1 succeeded
  6      |-------+------->|         |      COMMIT
         |<------+--------|         |      COMMIT
         *       |        |         |      is told: ok 200 payment_id=pi_1
         |       *        |         |      need not wait any longer
  7      |       |<-------|         |      UPDATE 1
  8      |       |------->|         |      COMMIT
         |       |<-------|         |      COMMIT
         |       *        |         |      is told: rejected 409 already_paid

broken: one-success: order 1 was paid 2 times
"""
STRIPE = "payment_intent.create POST /v1/payment_intents amount=4990 Idempotency-Key=key-tab 1"


def test_the_text_shows_every_step_on_its_lanes():
    assert text(lock_story()) == TEXT.replace("{stripe}", STRIPE)


def test_the_text_keeps_to_its_width():
    wide = max(len(line) for line in text(lock_story(), 200).splitlines())
    narrow = text(lock_story(), 80).split("\n\n")[1]
    assert wide > 80
    assert max(len(line) for line in narrow.splitlines()) == 80


def test_mermaid_says_the_same():
    lines = mermaid(lock_story()).splitlines()
    assert lines[:5] == [
        "sequenceDiagram",
        "    actor L1 as tab 1",
        "    actor L2 as tab 2",
        "    participant L3 as Postgres",
        "    participant L4 as Stripe",
    ]
    assert "    L2->>L3: 4. UPDATE orders SET status = 'paid' WHERE id = '1'" in lines
    assert "    Note over L2: waits for a lock in Postgres, until tab 1 lets it go on" in lines
    assert "    L3-->>L2: 7. UPDATE 1" in lines
    assert lines[-1] == "    Note over L1,L4: broken: one-success: order 1 was paid 2 times"
    assert len(lines) == 6 + len(list(arrows(lock_story())))


def test_nothing_that_was_said_is_syntax_to_mermaid():
    it = Recorded()
    it.asks(0, "tab 1", key="a;b")
    hostile = "SELECT ? <> ? # x; end"
    it.sql("tab 1", hostile, "SELECT $1 <> '%%{init}%%' # x; end\n-->>", params=("<b>&",))
    it.told(0, Outcome.UNKNOWN, error="gave\nup; end")
    story = narrate(witness(("tab 1", "start"), ("tab 1", f"postgres {hostile}")), it.history)
    for line in mermaid(story).splitlines()[1:]:
        said = re.fullmatch(r"    (?:L\d(?:-->>|->>)L\d|Note over L\d(?:,L\d)?): (.+)", line)
        if said is None:
            assert re.fullmatch(r"    (?:actor|participant) L\d as [\w ]+", line), line
            continue
        assert not re.search(r"[<>&%\"]", said[1])
        assert not re.search(r"[#;]", re.sub(r"#(?:\d+|\w+);", "", said[1]))


def test_a_long_list_of_columns_gives_way_to_where_it_looks():
    it = Recorded()
    it.asks(0, "tab 1")
    columns = ", ".join(f"column_{n}" for n in range(20))
    label = f"SELECT {columns} FROM orders WHERE id = ?"
    it.sql("tab 1", label, f"SELECT {columns} FROM orders WHERE id = $1", params=("7",))
    story = narrate(witness(("tab 1", "start"), ("tab 1", f"postgres {label}")), it.history)
    assert "SELECT … FROM orders WHERE id = '7'" in text(story)


def test_answers_say_rows_errors_and_losses():
    it = Recorded()
    it.asks(0, "tab 1")
    it.sql(
        "tab 1",
        "SELECT a",
        tags=("SELECT 5",),
        rows=5,
        columns=["a", "b"],
        sample=[["1", None], ["2", "x"]],
    )
    error = {"severity": "ERROR", "sqlstate": "40001", "message": "could not serialize"}
    it.sql("tab 1", "SELECT b", tags=(), error=error)
    it.stripe("tab 1", status=402, id=None, type="card_error", code="card_declined")
    it.lost("tab 1", "stripe", "refund.create")
    labels = ("start", "postgres SELECT a", "postgres SELECT b", "stripe payment_intent.create")
    shown = text(narrate(witness(*(("tab 1", label) for label in labels)), it.history))
    assert "SELECT 5: a=1, b=null | a=2, b=x | and 3 more" in shown
    assert "ERROR 40001: could not serialize" in shown
    assert "402 card_error card_declined" in shown
    assert "no answer" in shown
