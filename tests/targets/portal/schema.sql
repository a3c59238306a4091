CREATE TABLE vouchers (code text PRIMARY KEY, uses_left integer NOT NULL);
INSERT INTO vouchers VALUES ('SAVE', 1);
CREATE TABLE orders (
    id serial PRIMARY KEY,
    voucher text NOT NULL REFERENCES vouchers,
    paid boolean NOT NULL DEFAULT false
);
