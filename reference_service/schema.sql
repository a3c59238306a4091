-- Everything here may be run again on a database that has it already.

CREATE TABLE IF NOT EXISTS orders (
    id              text    PRIMARY KEY,
    amount          bigint  NOT NULL CHECK (amount >= 50),          -- minor units
    currency        text    NOT NULL,
    payment_status  text    NOT NULL DEFAULT 'unpaid' CHECK (payment_status IN
        ('unpaid', 'processing', 'paid', 'partially_refunded', 'refunded', 'cancelled')),
    payment_id      text,                                           -- Stripe's payment intent
    -- No CHECK (refunded_amount <= amount): it would save the unprotected variants from
    -- themselves only after Stripe has paid the money back.
    refunded_amount bigint  NOT NULL DEFAULT 0,
    version         bigint  NOT NULL DEFAULT 0,
    attempt_no      integer NOT NULL DEFAULT 0,                     -- attempts known to have ended
    pending_attempt uuid,                                           -- the one that has not
    fence           bigint  NOT NULL DEFAULT 0,                     -- highest lock token seen
    checkout_id     text,                                           -- its last Checkout Session
    checkout_over   boolean NOT NULL DEFAULT false,                 -- which ended, and was not paid
    subscription_id text,                                           -- what a session began
    renewals        text[]  NOT NULL DEFAULT '{}',                  -- its invoices that were served
    coupon          text,                                           -- the code it was made cheaper by
    created_at      timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS checkout_id     text,
    ADD COLUMN IF NOT EXISTS checkout_over   boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS subscription_id text,
    ADD COLUMN IF NOT EXISTS renewals        text[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS coupon          text;

-- What was paid for by Checkout and is handed out: the goods once, a membership's month for each
-- renewal. No UNIQUE (order_id, paid_by): it would save the unprotected variants from themselves.
CREATE TABLE IF NOT EXISTS handed_out (
    order_id   text        NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    paid_by    text        NOT NULL,                                -- a session's id, an invoice's
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS handed_out_by_order ON handed_out (order_id);

CREATE TABLE IF NOT EXISTS coupons (
    code     text    PRIMARY KEY,
    off      bigint  NOT NULL CHECK (off > 0),                      -- minor units
    most     integer NOT NULL,                                      -- so many orders may use it
    used     integer NOT NULL DEFAULT 0                             -- no CHECK (used <= most)
);

INSERT INTO coupons (code, off, most) VALUES ('ONCE', 500, 1) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS attempts (
    id            uuid        PRIMARY KEY,
    order_id      text        NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    kind          text        NOT NULL,                             -- pay, refund, cancel, ...
    seq           integer     NOT NULL,                             -- orders.attempt_no it began at
    state         text        NOT NULL CHECK (state IN
        ('live', 'unknown', 'succeeded', 'failed', 'released')),
    stripe_key    text,
    client_key    text,
    params        jsonb       NOT NULL DEFAULT '{}',
    answer_status integer,
    answer        json,                                             -- replayed as it was
    exclusive     boolean     NOT NULL DEFAULT false,
    lease_until   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- The guard `unique_index` is this index. Only it writes exclusive rows, so that the index
-- protects no other guard unasked.
CREATE UNIQUE INDEX IF NOT EXISTS one_exclusive_attempt_per_order ON attempts (order_id)
    WHERE state IN ('live', 'unknown') AND exclusive;

CREATE INDEX IF NOT EXISTS attempts_by_client_key ON attempts (order_id, kind, client_key)
    WHERE client_key IS NOT NULL;

CREATE INDEX IF NOT EXISTS attempts_to_recover ON attempts (lease_until)
    WHERE state IN ('live', 'unknown');

CREATE TABLE IF NOT EXISTS webhook_events (
    event_id    text        PRIMARY KEY,
    type        text        NOT NULL,
    order_id    text        NOT NULL,
    payment_id  text,
    received_at timestamptz NOT NULL DEFAULT now()
);
