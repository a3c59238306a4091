"""A small shop whose payments are guarded in one of many ways, each hard on an explorer.

``python SERVICE`` serves, ``python SERVICE migrate`` prepares an empty database. The behaviour is
the module in ``behaviours`` that the environment variable BEHAVIOUR names. The service knows
nothing of whoever tests it.
"""

from __future__ import annotations

import importlib
import os
import sys

import psycopg
import uvicorn

SCHEMA = """
CREATE TABLE orders (
    id text PRIMARY KEY,
    amount integer NOT NULL,
    currency text NOT NULL,
    payment_status text NOT NULL DEFAULT 'unpaid',
    payment_id text,
    refunded_amount integer NOT NULL DEFAULT 0
);
CREATE TABLE stock (id text PRIMARY KEY, left_over integer NOT NULL);
INSERT INTO stock VALUES ('things', 1000);
CREATE TABLE heartbeats (name text PRIMARY KEY, beats integer NOT NULL);
INSERT INTO heartbeats VALUES ('shop', 0);
CREATE TABLE payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id text NOT NULL REFERENCES orders
);
CREATE TABLE receipts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id text NOT NULL
);
CREATE TABLE claims (order_id text PRIMARY KEY);
CREATE FUNCTION claim_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders SET payment_status = 'processing'
        WHERE id = NEW.order_id AND payment_status = 'unpaid';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the order is not unpaid';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claims BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION claim_order();
"""


def main() -> None:
    if sys.argv[1:] == ["migrate"]:
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            connection.execute(SCHEMA)
        return
    behaviour = importlib.import_module(f"behaviours.{os.environ['BEHAVIOUR']}").Behaviour
    uvicorn.run(
        "app:app",
        host=os.environ["HOST"],
        port=int(os.environ["PORT"]),
        log_level="warning",
        workers=behaviour.workers,
    )


if __name__ == "__main__":
    main()
