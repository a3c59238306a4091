"""Films of counterexamples: a recorded one of the naive guard, and what would change them."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.witness.file import read_witness
from paidonce.harness.explore.witness.narrative.row_access import Did, Row, accesses
from paidonce.harness.history import Effect, History, read_history
from paidonce.reports.film import Film, Icon, film, film_of, readable_film

WITNESSES = Path(__file__).parent / "witnesses"
WITNESS = WITNESSES / "none-two_tabs.witness.json"


@pytest.fixture(scope="module")
def shown() -> Film:
    return film_of(WITNESS)


def test_cards_are_the_steps_in_their_order_and_the_outcome(shown: Film) -> None:
    witness = read_witness(WITNESS)
    numbered = [card for card in shown.cards if card.number is not None]
    assert [card.number for card in numbered] == [step.number for step in witness.steps]
    assert [shown.lanes[card.lane or 0] for card in numbered] == list(witness.schedule)
    assert shown.cards[-1].label == "In the end"
    assert [piece.text for piece in shown.cards[-1].pieces] == [
        "The order shows paid, 49.90 USD.",
        "Stripe took 49.90 USD and 49.90 USD.",
    ]


def test_it_broke_where_stripe_took_money_again(shown: Film) -> None:
    (card,) = [card for card in shown.cards if card.broke]
    assert card.number == shown.broke_at == 9
    assert card.pieces[0].icon is Icon.STRIPE
    assert "again" in card.pieces[0].text
    assert card.broke == "one order is charged a second time"
    assert "twice" in shown.conclusion


def test_a_history_in_which_nothing_breaks_has_no_such_moment() -> None:
    """The second charge taken out of the recording, and what came of it."""
    witness = read_witness(WITNESS)
    history = read_history(WITNESSES / witness.history)
    changed = []
    for event in history.events:
        if isinstance(event, Effect) and event.attempt == "tab 2" and event.tap == "stripe":
            answer = {**(event.answer or {}), "state": "requires_payment_method"}
            answer["id"] = _first_payment(history)
            event = msgspec.structs.replace(event, answer=answer)
        changed.append(event)
    told = film(witness, History(changed))
    assert told.broke_at != 9


def _first_payment(history: History) -> str:
    return next(e.answer["id"] for _, e in history.of(Effect) if e.tap == "stripe" and e.answer)


def test_locks_and_waits_are_on_the_rails(shown: Film) -> None:
    rails = {c.number: tuple(rail.kind for rail in c.rails) for c in shown.cards if c.number}
    assert rails[1] == ("on", "before")
    assert rails[5] == rails[9] == ("hold", "before") or rails[9] == ("hold", "on")
    assert rails[10] == ("hold", "wait")
    assert rails[11] == ("after", "hold")
    assert rails[13] == ("after", "after")
    waiting = [p for c in shown.cards for p in c.pieces if p.icon is Icon.WAIT]
    assert [p.text for p in waiting] == ["has to wait: tab 1 holds row of orders (id = order 1)"]
    freed = {c.number for c in shown.cards for p in c.pieces if p.icon is Icon.FREE}
    assert freed == {11, 13}


def test_the_state_tells_apart_what_is_committed_and_what_was_read(shown: Film) -> None:
    def lines(number: int, title: str) -> list[str]:
        card = next(card for card in shown.cards if card.number == number)
        return [item.text for g in card.state if g.title == title for item in g.items]

    before, after = lines(10, "In the database"), lines(11, "In the database")
    assert before[0].startswith("orders: payment_status = unpaid, payment_id = null")
    assert any(line.startswith("not committed, tab 1: orders:") for line in before)
    assert after[0].startswith("orders: payment_status = paid, payment_id = payment A")
    assert lines(8, "Last read by") == [
        "tab 1: payment_status = unpaid, payment_id = null (step 2)",
        "tab 2: payment_status = unpaid, payment_id = null (step 7)",
    ]
    assert lines(10, "Locks") == [
        "tab 1 holds row of orders (id = order 1), since step 5",
        "tab 2 waits for row of orders (id = order 1), held by tab 1, since step 10",
    ]
    assert lines(9, "At Stripe") == [
        "payment A: succeeded, 49.90 USD taken",
        "payment B: succeeded, 49.90 USD taken",
    ]


def test_the_summary_says_why_and_names_the_steps(shown: Film) -> None:
    said = ["".join(f"<{p}>" if isinstance(p, int) else p for p in s) for s in shown.summary]
    assert said[0] == "Both tab 1 and tab 2 read payment_status = unpaid (<2> and <7>)."
    assert said[1] == (
        "tab 1 had written paid already (<5>), but it was only committed in <11>, so tab 2 could "
        "not see it."
    )
    assert "Stripe takes 49.90 USD again for tab 2" in said[3]
    assert any("had to wait for tab 1’s lock (<10>) until <11>" in line for line in said)
    assert any("replaced tab 1’s" in line for line in said)


def test_a_witness_without_its_history_costs_only_the_film(tmp_path: Path) -> None:
    shutil.copy(WITNESS, tmp_path)
    alone = tmp_path / WITNESS.name
    assert readable_film(alone) is None
    with pytest.raises(UsageError, match=r"none-two_tabs\.jsonl"):
        film_of(alone)


def unit(*texts: str, tag: str = "", **answer: object) -> Effect:
    told = {"tags": [tag] if tag else [], "error": None, **answer}
    return Effect(
        t=1, tap="postgres", seq=1, label="x", began=0, request={"sql": list(texts)}, answer=told
    )


@pytest.mark.parametrize(
    ("effect", "did", "row", "values"),
    [
        (
            unit(
                "UPDATE orders SET s = 'paid', v = v + 1 WHERE id = '7' AND v = 1", tag="UPDATE 1"
            ),
            Did.UPDATE,
            Row("orders", "7"),
            {"s": "paid", "v": "v + 1"},
        ),
        (
            unit("INSERT INTO a (id, n, t) VALUES ('9', NULL, now())", tag="INSERT 0 1"),
            Did.INSERT,
            Row("a", "9"),
            {"id": "9", "n": None},
        ),
        (unit("DELETE FROM a WHERE k = 5", tag="DELETE 1"), Did.DELETE, Row("a", "5"), {}),
        (
            unit(
                "SELECT id, s FROM orders WHERE id = '7' FOR UPDATE",
                tag="SELECT 1",
                columns=["id", "s"],
                sample=[["7", "unpaid"]],
            ),
            Did.LOCK,
            Row("orders", "7"),
            {"id": "7", "s": "unpaid"},
        ),
        (unit("ROLLBACK", tag="ROLLBACK"), Did.ROLLBACK, Row(""), {}),
    ],
)
def test_what_a_statement_says_of_a_row(
    effect: Effect, did: Did, row: Row, values: dict[str, str | None]
) -> None:
    (found,) = accesses(effect)
    assert (found.did, found.row, found.values) == (did, row, values)


def test_a_statement_that_matched_nothing_changes_nothing() -> None:
    text = (
        "WITH c AS (UPDATE orders SET s = 'paid' WHERE id = '7' RETURNING id) "
        "INSERT INTO a (id) SELECT '9' FROM c"
    )
    found = accesses(unit(text, tag="INSERT 0 0"))
    assert [(one.did, one.rows) for one in found] == [(Did.UPDATE, 0), (Did.INSERT, 0)]


def test_what_cannot_be_parsed_says_nothing() -> None:
    assert accesses(unit("SELEKT 1")) == ()
