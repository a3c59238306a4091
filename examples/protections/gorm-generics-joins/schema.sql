CREATE TABLE customers (
    id integer PRIMARY KEY
);

CREATE TABLE orders (
    id integer PRIMARY KEY,
    status text NOT NULL,
    amount integer NOT NULL,
    customer_id integer NOT NULL REFERENCES customers
);

INSERT INTO customers VALUES (1), (2);
INSERT INTO orders VALUES (1, 'unpaid', 1999, 1), (2, 'unpaid', 1999, 2);
