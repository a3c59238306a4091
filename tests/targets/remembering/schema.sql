CREATE TABLE orders (id text PRIMARY KEY, status text NOT NULL DEFAULT 'unpaid');
CREATE TABLE payments (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id text NOT NULL);
CREATE TABLE mails (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id text NOT NULL);
CREATE TABLE goods (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO goods VALUES (1, 'socks');
