CREATE TABLE credit_balance (
    tenant_id text PRIMARY KEY,
    credits numeric(18, 4) NOT NULL CHECK (credits >= 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE credit_ledger (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES credit_balance,
    delta numeric(18, 4) NOT NULL,
    reason text NOT NULL,
    idempotency_key text,
    balance_after numeric(18, 4) NOT NULL,
    UNIQUE (tenant_id, idempotency_key)
);

INSERT INTO credit_balance VALUES ('ann', 10);
