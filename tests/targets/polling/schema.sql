CREATE TABLE orders (
    id int PRIMARY KEY,
    status text NOT NULL DEFAULT 'new',
    busy boolean NOT NULL DEFAULT false
);
INSERT INTO orders (id) VALUES (1);
