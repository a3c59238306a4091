"""Ways to lose or double money when something fails: one customer alone is enough."""

import urllib.error
import uuid

import psycopg
from till import (
    FIXED,
    STRIPE,
    STRIPE_KEY,
    charge,
    connected,
    payment,
    pays,
    status_of,
    stripe,
)


def swallows(asked):
    """The event is noted as seen in a commit of its own, before what it is about: a crash between
    the two, and the delivery that follows is taken for one that was seen."""
    with connected() as connection:
        noted = connection.execute(
            "INSERT INTO events VALUES (%s) ON CONFLICT DO NOTHING", (f"evt-{asked.order}",)
        )
        if not noted.rowcount:
            return 200
        if not FIXED:
            connection.commit()
        connection.execute(pays(asked.order))
    return 200


def enqueues(asked):
    """The order is paid in one commit, and the receipt put in the queue in another."""
    with connected() as connection:
        if status_of(connection, asked.order, locked=True) == "paid":
            return 409
        connection.execute(pays(asked.order))
        if not FIXED:
            connection.commit()
        connection.execute(
            "INSERT INTO receipts VALUES (%s) ON CONFLICT DO NOTHING", (asked.order,)
        )
    return 200


def keeps_key(asked):
    """The key is noted as in progress in a commit of its own, and never again looked after."""
    with connected() as connection:
        noted = connection.execute(
            "INSERT INTO keys (key) VALUES (%s) ON CONFLICT DO NOTHING", (asked.key,)
        )
        if not noted.rowcount:
            found = connection.execute("SELECT answer FROM keys WHERE key = %s", (asked.key,))
            return found.fetchone()[0] or 409
        if not FIXED:
            connection.commit()
        connection.execute(pays(asked.order))
        connection.execute("UPDATE keys SET answer = 200 WHERE key = %s", (asked.key,))
    return 200


def credits(asked):
    """Stripe refuses with 429, a credit is given that makes up for it, and it is tried again."""
    with connected() as connection:
        found = connection.execute(
            "SELECT status, credited FROM orders WHERE id = %s FOR UPDATE", (asked.order,)
        )
        status, credited = found.fetchone()
        if status == "paid":
            return 409
        try:
            charge(asked.order, f"order-{asked.order}")
        except urllib.error.HTTPError:
            if not FIXED or not credited:
                connection.execute(
                    "UPDATE orders SET credited = credited + 1000 WHERE id = %s", (asked.order,)
                )
            return 503
        if FIXED:
            connection.execute("UPDATE orders SET credited = 0 WHERE id = %s", (asked.order,))
        connection.execute(pays(asked.order))
    return 200


def replays(asked):
    """Stripe's 500 is taken for "not done", and the next try has a new key."""
    with connected() as connection:
        if status_of(connection, asked.order, locked=True) == "paid":
            return 409
        try:
            charge(asked.order, f"order-{asked.order}" if FIXED else str(uuid.uuid4()))
        except urllib.error.HTTPError:
            if not FIXED or not taken(asked.order):
                return 503
        connection.execute(pays(asked.order))
    return 200


def taken(order):
    """Whether Stripe has taken the money, whatever it answered."""
    intents = stripe("payment_intents?limit=100")["data"]
    mine = (one for one in intents if one["metadata"].get("order_id") == order)
    return any(one["status"] == "succeeded" for one in mine)


def serializes(asked):
    """The transaction cannot be serialized once Stripe was called, and is retried: a call as well,
    under a key of its own."""
    for _ in range(3):
        try:
            with connected() as connection:
                connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
                if status_of(connection, asked.order) == "paid":
                    return 409
                charge(asked.order, f"order-{asked.order}" if FIXED else str(uuid.uuid4()))
                connection.execute(pays(asked.order))
            return 200
        except psycopg.errors.SerializationFailure:
            continue
    return 503


def automatic(asked):
    """The SDK gives each call a key, under which it repeats it by itself: that of who asks again
    after a crash is another one."""
    import stripe as sdk

    client = sdk.StripeClient(STRIPE_KEY, base_addresses={"api": STRIPE}, max_network_retries=2)
    options = {"idempotency_key": f"order-{asked.order}"} if FIXED else {}
    form = {
        **{k: v for k, v in payment(asked.order).items() if "[" not in k},
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": {"order_id": asked.order},
    }
    with connected() as connection:
        if status_of(connection, asked.order, locked=True) == "paid":
            return 409
        client.v1.payment_intents.create(form | {"confirm": True}, options)
        connection.execute(pays(asked.order))
    return 200
