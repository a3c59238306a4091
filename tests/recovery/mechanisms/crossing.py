"""Ways to lose or double money when others come in between: a webhook, a sweep, the clock."""

import urllib.error
import uuid

from till import FIXED, charge, connected, pays, status_of, stripe

EXPIRES = """UPDATE orders SET status = 'expired' WHERE id = %s AND status = 'open'"""
TAKES = """INSERT INTO locks VALUES (%s, %s, now() + %s * interval '1 second')
    ON CONFLICT (order_id) DO UPDATE SET token = excluded.token, until = excluded.until
    WHERE locks.until < now()"""


def refunds(asked):
    """Stripe tells of the refund before the transaction that asked for it is over: the webhook does
    not find it, and books it as one made elsewhere."""
    with connected() as connection:
        if asked.verb == "orders":
            intent = charge(asked.order, f"order-{asked.order}")["id"]
            connection.execute(
                "UPDATE orders SET status = 'paid', intent = %s WHERE id = %s",
                (intent, asked.order),
            )
            return {"intent": intent}
        lock = " FOR UPDATE" if FIXED else ""
        found = connection.execute(f"SELECT intent FROM orders WHERE id = %s{lock}", (asked.order,))
        if asked.verb == "refund":
            form = {"payment_intent": found.fetchone()[0]}
            refund = stripe("refunds", form, f"refund-{asked.order}")["id"]
        else:
            refund = asked.body["data"]["object"]["id"]
            if connection.execute("SELECT FROM refunds WHERE id = %s", (refund,)).rowcount:
                return 200
        connection.execute("INSERT INTO refunds VALUES (%s, %s)", (refund, asked.order))
    return 200


def releases(asked):
    """Whoever looks takes a lease of five seconds, whoever pays one of ten minutes. A late holder
    releases the lock of whoever has it by then."""
    token = str(uuid.uuid4())
    lasts = 5 if asked.verb == "look" else 600
    with connected(autocommit=True) as connection:
        if not connection.execute(TAKES, (asked.order, token, lasts)).rowcount:
            return 409
        answer = 200
        if status_of(connection, asked.order) == "paid":
            answer = 409
        elif asked.verb == "pay":
            charge(asked.order, token)
            connection.execute(pays(asked.order))
        mine = " AND token = %s" if FIXED else ""
        released = (asked.order, token) if FIXED else (asked.order,)
        connection.execute(f"DELETE FROM locks WHERE order_id = %s{mine}", released)
    return answer


def expires(asked):
    """The order expires before the session does, and a late success finds it so."""
    with connected(autocommit=True) as connection:
        if asked.verb == "orders":
            form = {
                "mode": "payment",
                "success_url": "https://shop.example/done",
                "line_items[0][quantity]": 1,
                "line_items[0][price_data][currency]": "usd",
                "line_items[0][price_data][unit_amount]": 1000,
                "line_items[0][price_data][product_data][name]": "Shoes",
                "metadata[order_id]": asked.order,
            }
            return {"session": stripe("checkout/sessions", form, f"order-{asked.order}")["id"]}
        if asked.verb == "webhook":
            connection.execute(f"{pays(asked.order)} AND status = 'open'")
            return 200
        if not FIXED:
            connection.execute(EXPIRES, (asked.order,))
        try:
            stripe(f"checkout/sessions/{asked.query}/expire", {}, f"expire-{asked.order}")
        except urllib.error.HTTPError:
            return 200  # it was paid: its webhook tells of it
        connection.execute(EXPIRES, (asked.order,))
    return 200


def asks_again(asked):
    """A client gives up and asks again under a new key, while its first request is served."""
    with connected() as connection:
        if status_of(connection, asked.order, locked=FIXED) != "open":
            return 409
        charge(asked.order, str(uuid.uuid4()))
        connection.execute(pays(asked.order))
    return 200


def cancels(asked):
    """The sweep cancels what has been open for long, and does not see that it is being paid."""
    with connected() as connection:
        if status_of(connection, asked.order, locked=FIXED) != "open":
            return 409
        if asked.verb == "pay":
            charge(asked.order, f"order-{asked.order}")
            connection.execute(pays(asked.order))
        else:
            connection.execute(
                "UPDATE orders SET status = 'cancelled' WHERE id = %s", (asked.order,)
            )
    return 200


def swept(asked):
    """The same, where the sweep is a command of its own and no request."""
    return cancels(asked)
