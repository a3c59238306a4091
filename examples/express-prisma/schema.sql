-- What `prisma migrate` would make of prisma/schema.prisma.
CREATE TABLE orders (
    id serial PRIMARY KEY,
    amount integer NOT NULL,
    currency text NOT NULL DEFAULT 'usd',
    payment_status text NOT NULL DEFAULT 'unpaid',
    payment_intent_id text,
    version integer NOT NULL DEFAULT 0,
    fence integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);
