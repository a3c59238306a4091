CREATE TABLE orders (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    amount integer NOT NULL CHECK (amount > 0),
    currency text NOT NULL DEFAULT 'usd',
    payment_status text NOT NULL DEFAULT 'unpaid',
    payment_intent_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);
