CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL DEFAULT 'unpaid');
INSERT INTO orders (id) VALUES (1);
