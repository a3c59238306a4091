"""Charges what is in the queue; each job that is announced starts a thread.

``TAKE``: ``unlocked`` reads a job and then marks it; ``locked`` does both in one statement.
``POLL``: seconds between looks at the queue; 0 waits for notifications.
"""

from __future__ import annotations

import http.client
import os
import threading
import time
from urllib.parse import urlencode

import psycopg

LOOKS = "SELECT id, order_id FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1"


def charge(amount: int, order: int) -> None:
    connection = http.client.HTTPConnection(os.environ["STRIPE"], timeout=120)
    form = {
        "amount": str(amount),
        "currency": "usd",
        "confirm": "true",
        "payment_method": "pm_card_visa",
        "payment_method_types[]": "card",
        "metadata[order_id]": str(order),
    }
    headers = {
        "Authorization": f"Bearer {os.environ['STRIPE_KEY']}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/v1/payment_intents", urlencode(form), headers)
    connection.getresponse().read()
    connection.close()


def work() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        if os.environ["TAKE"] == "locked":
            job = database.execute(
                f"UPDATE jobs SET state = 'running' WHERE id = ({LOOKS.replace(', order_id', '')}"
                " FOR UPDATE SKIP LOCKED) RETURNING id, order_id"
            ).fetchone()
        else:
            job = database.execute(LOOKS).fetchone()
            if job is not None:
                database.execute("UPDATE jobs SET state = 'running' WHERE id = %s", (job[0],))
        if job is None:
            return
        amount = database.execute("SELECT amount FROM orders WHERE id = %s", (job[1],)).fetchone()
        charge(amount[0], job[1])
        database.execute("UPDATE jobs SET state = 'done' WHERE id = %s", (job[0],))


if __name__ == "__main__":
    poll = float(os.environ.get("POLL", "0"))
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as listener:
        listener.execute("LISTEN jobs")
        print("ready", flush=True)
        while poll:
            work()
            time.sleep(poll)
        for _ in listener.notifies():
            threading.Thread(target=work, daemon=True).start()
