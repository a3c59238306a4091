CREATE TABLE orders (
    id integer PRIMARY KEY,
    status text NOT NULL,
    amount integer NOT NULL
);

INSERT INTO orders VALUES (1, 'unpaid', 1999);
