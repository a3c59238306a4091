"""Does the jobs of the shop, each as it is announced: mails, for what was paid."""

from __future__ import annotations

import os

import psycopg


def work(db: psycopg.Connection, job: int) -> None:
    with db.transaction():
        query = "SELECT kind, order_id, state FROM jobs WHERE id = %s FOR UPDATE"
        kind, order, state = db.execute(query, (job,)).fetchone()
        if state != "queued":
            return
        total = db.execute("SELECT total FROM orders WHERE id = %s", (order,)).fetchone()
        words = f"{kind}: {total[0]}"
        db.execute("INSERT INTO mails (job_id, words) VALUES (%s, %s)", (job, words))
        db.execute("UPDATE jobs SET state = 'done' WHERE id = %s", (job,))


if __name__ == "__main__":
    url = os.environ["DATABASE_URL"]
    with (
        psycopg.connect(url, autocommit=True) as listener,
        psycopg.connect(url, autocommit=True) as db,
    ):
        listener.execute("LISTEN jobs")
        print("ready", flush=True)
        for announced in listener.notifies():
            work(db, int(announced.payload))
