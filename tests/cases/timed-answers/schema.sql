CREATE TABLE orders (
  id text PRIMARY KEY,
  status text NOT NULL DEFAULT 'unpaid',
  locked_until timestamptz,
  pay_before timestamptz NOT NULL DEFAULT now() + interval '4 minutes'
);
