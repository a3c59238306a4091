"""A fix is told as SQL, and as a call of the ORM that the service speaks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from tape import ORDER, Tape, catalog

from paidonce.harness.errors import UsageError
from paidonce.harness.orms import NAMES
from paidonce.harness.predict import Looked, Standing, forecast, undecided
from paidonce.harness.predict.wording import worded
from paidonce.harness.targets import load_target
from paidonce.harness.targets.file.format import TargetFile
from paidonce.reports.formats import predictions as writer

READ = "SELECT id, status FROM orders WHERE id = $1"
PAID = "UPDATE orders SET status = 'paid' WHERE id = $1"
SHOWN = {"id": ORDER, "status": "unpaid"}
MADE_UP = "2f9c1d1e-7c1b-4d5c-9a57-4b3a64a1b7de"


def told(orm, read=READ, write=PAID, shown=SHOWN):
    solo = Tape().sql(read, ORDER, sample=shown).stripe(key=MADE_UP).sql(write, ORDER).solo()
    found = worded(forecast([solo], catalog()), [solo], orm)
    return {one.name: one for one in found.predictions[0].fixes}


def test_each_fix_that_is_the_orms_to_make_has_its_call():
    found = told("drizzle")
    assert '.where(eq(orders.id, id)).for("update")' in found["FOR UPDATE"].call
    assert '.set({ status: "paid" })' in found["conditional UPDATE"].call
    assert 'eq(orders.status, "unpaid")' in found["conditional UPDATE"].call
    assert '.set({ status: "processing" })' in found["claim"].call
    assert "pg_advisory_xact_lock" in found["advisory lock"].call
    assert found["idempotency key"].call == ""
    assert {one.orm for one in found.values()} == {"Drizzle", ""}


def test_none_is_shown_where_no_orm_is_known():
    assert not any(one.call for one in told(None).values())


def test_the_statements_tell_who_speaks():
    read = 'SELECT "orders"."id" AS "orders_id", "orders"."status" AS "orders_status" FROM orders '
    read += '"orders" WHERE "orders"."id" = $1'
    found = told(None, read, shown={"orders_id": ORDER, "orders_status": "unpaid"})
    assert "manager.findOne(Order" in found["FOR UPDATE"].call
    assert found["FOR UPDATE"].orm == "TypeORM"


def test_a_version_and_what_is_computed_are_told_in_sql_alone():
    read = "SELECT id, status, version FROM orders WHERE id = $1"
    shown = {**SHOWN, "version": "0"}
    assert told("drizzle", read, shown=shown)["conditional UPDATE"].call == ""
    counted = "UPDATE orders SET status = 'paid', fence = fence + 1 WHERE id = $1"
    assert told("drizzle", write=counted)["conditional UPDATE"].call == ""


def test_a_read_that_joins_has_no_call_for_its_lock():
    read = (
        "SELECT o.id, o.status FROM orders o JOIN payments p ON p.order_id = o.id WHERE o.id = $1"
    )
    found = told("drizzle", read)
    assert found["FOR UPDATE"].after.endswith("FOR UPDATE OF o")
    assert found["FOR UPDATE"].call == ""


def test_it_is_in_every_report():
    solo = Tape().sql(READ, ORDER, sample=SHOWN).stripe(key=MADE_UP).sql(PAID, ORDER).solo()
    found = worded(forecast([solo], catalog()), [solo], "kysely")
    looked = Looked(attempts=1, reads=1)
    settled = [
        msgspec.structs.replace(one, standing=Standing.CONFIRMED)
        for one in undecided(found, "not explored")
    ]
    text = writer.markdown(settled, looked)
    assert re.search(r"In Kysely:\n\n```\nawait db\.transaction\(\)\.execute", text)
    assert b'"call":"await db.transaction' in msgspec.json.encode(settled)


def test_the_target_file_names_it(tmp_path):
    schema = json.dumps(msgspec.json.schema(TargetFile))
    assert all(f'"{name}"' in schema for name in NAMES)
    place = tmp_path / "shop.toml"
    place.write_text('name = "shop"\norm = "drizle"\n')
    with pytest.raises(UsageError, match=r"orm: .*drizle.*expected one of .*drizzle") as refused:
        load_target(place)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


def test_the_page_of_target_files_has_every_name():
    page = (Path(__file__).parents[2] / "docs" / "targets.md").read_text()
    section = page.partition("## The service's ORM")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z-]+)`", section)) == {"orm", *NAMES}
