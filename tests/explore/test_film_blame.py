"""Whom a film blames: the attempt that acted on what it had read before."""

from __future__ import annotations

from narratives import Recorded, witness

from paidonce.harness.history import Header, Invariant, Observed, Rules
from paidonce.reports.film import film

READ, PAID = "SELECT status FROM orders WHERE id = ?", "UPDATE orders SET status = ? WHERE id = ?"


def test_who_charges_by_what_it_read_before_another_had_paid_is_blamed():
    it = Recorded()
    it.events[0] = Header(
        run="r",
        scenario="shop",
        target="shop",
        checkers=("invariants",),
        rules=Rules(
            attempts=("tab 1", "tab 2"),
            counted=("tab 1", "tab 2"),
            invariants=(Invariant(name="one charge", check="charges <= 1"),),
        ),
    )

    def reads(attempt, session):
        it.sql(
            attempt,
            READ,
            "SELECT id, status FROM orders WHERE id = $1",
            params=("1",),
            session=session,
            tags=("SELECT 1",),
            rows=1,
            columns=["id", "status"],
            sample=[["1", "unpaid"]],
        )

    def charges_and_pays(attempt, session):
        it.stripe(attempt, state="succeeded", id=f"pi_{session}")
        text = "UPDATE orders SET status = $1 WHERE id = $2"
        it.sql(attempt, PAID, text, params=("paid", "1"), session=session, tags=("UPDATE 1",))

    it.order()
    it.asks(0, "tab 1")
    reads("tab 1", 1)
    it.asks(1, "tab 2")
    reads("tab 2", 2)
    charges_and_pays("tab 2", 2)
    it.told(1, status=200)
    charges_and_pays("tab 1", 1)
    it.told(0, status=200)
    it.events.append(Observed(t=it.now(), name="charges", value=2))
    call, read, paid = "stripe payment_intent.create", f"postgres {READ}", f"postgres {PAID}"
    found = witness(
        ("tab 1", "start"),
        ("tab 1", read),
        ("tab 2", "start"),
        ("tab 2", read),
        ("tab 2", call),
        ("tab 2", paid),
        ("tab 1", call),
        ("tab 1", paid),
        broken=[("invariants", "one charge: charges <= 1, but charges = 2")],
    )
    shown = film(found, it.history)
    said = ["".join(f"<{p}>" if isinstance(p, int) else p for p in s) for s in shown.summary]
    assert "Both tab 1 and tab 2 read status = unpaid (<2> and <4>)." in said
    assert (
        "Only afterwards did tab 2 write paid (<6>), and nothing told tab 1 that what it had read "
        "was out of date."
    ) in said
    assert not any("nothing told tab 2" in line for line in said)
    # tab 1's charge, not what is written after it.
    assert shown.broke_at == 7
