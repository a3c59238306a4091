CREATE TABLE customers (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    credits integer NOT NULL DEFAULT 0
);

-- An order is for credits, one for each cent.
CREATE TABLE orders (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers (id),
    amount integer NOT NULL CHECK (amount > 0),
    payment_status text NOT NULL DEFAULT 'unpaid',
    payment_intent_id text
);
