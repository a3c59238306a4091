CREATE TABLE orders (
    id bigserial PRIMARY KEY,
    amount bigint NOT NULL,
    currency text NOT NULL DEFAULT 'usd',
    payment_status text NOT NULL DEFAULT 'unpaid',
    payment_intent_id text
);
