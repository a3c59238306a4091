CREATE TABLE orders (id text PRIMARY KEY, status text NOT NULL DEFAULT 'unpaid', version int NOT NULL DEFAULT 1);
