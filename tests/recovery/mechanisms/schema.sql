CREATE TABLE orders (id serial PRIMARY KEY, status text NOT NULL DEFAULT 'open', intent text,
    credited integer NOT NULL DEFAULT 0, attempt integer NOT NULL DEFAULT 0);
CREATE TABLE events (id text PRIMARY KEY);
CREATE TABLE receipts (order_id integer PRIMARY KEY);
CREATE TABLE keys (key text PRIMARY KEY, answer integer);
CREATE TABLE refunds (id text, order_id integer);
CREATE INDEX ON refunds (id);
CREATE TABLE locks (order_id integer PRIMARY KEY, token text NOT NULL, until timestamptz NOT NULL);
