"""Columns that were changed no longer tell locked rows apart, whoever asked before that."""

from __future__ import annotations

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.changed_columns import ChangedColumns

ROW = Resource(("pg", "public.orders"), (("id", "17"), ("status", "unpaid"), ("tries", "0")))


def test_each_change_is_seen_in_locks_that_were_asked_about_before():
    changed, locks = ChangedColumns(), frozenset({ROW})
    assert changed.without(locks) == locks
    changed.learn([("public.orders", "status")])
    assert changed.without(locks) == {Resource(ROW.place, (("id", "17"), ("tries", "0")))}
    changed.learn(iter([("public.orders", "tries")]))
    assert changed.without(locks) == {Resource(ROW.place, (("id", "17"),))}
    changed.forget()
    assert changed.without(locks) == locks
    changed.learn([("public.orders", "id")])
    assert changed.without(locks) == {Resource(ROW.place, ROW.key[1:])}
