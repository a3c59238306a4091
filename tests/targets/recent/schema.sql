CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL DEFAULT 'unpaid');
CREATE TABLE tries (
    order_id bigint NOT NULL, made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE charges (order_id bigint NOT NULL);
INSERT INTO orders (id) VALUES (1);
