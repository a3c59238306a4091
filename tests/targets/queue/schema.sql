CREATE TABLE orders (
    id serial PRIMARY KEY,
    amount integer NOT NULL,
    status text NOT NULL DEFAULT 'unpaid'
);
CREATE TABLE payments (
    id serial PRIMARY KEY,
    order_id integer NOT NULL REFERENCES orders,
    intent text NOT NULL,
    amount integer NOT NULL DEFAULT 0
);
CREATE TABLE jobs (
    id serial PRIMARY KEY,
    order_id integer NOT NULL REFERENCES orders,
    state text NOT NULL DEFAULT 'queued'
);
