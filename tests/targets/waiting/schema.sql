CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL);
CREATE TABLE receipts (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id bigint NOT NULL);
INSERT INTO orders VALUES (1, 'open');
