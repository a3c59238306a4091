CREATE TABLE account (id serial PRIMARY KEY);
CREATE TABLE refund (id serial PRIMARY KEY, stripe_id text NOT NULL, pi text NOT NULL);
CREATE TABLE refund_once (stripe_id text PRIMARY KEY, pi text NOT NULL);
