CREATE TABLE orders (id int PRIMARY KEY, status text NOT NULL, version int NOT NULL);
CREATE TABLE items (id int PRIMARY KEY, order_id int);
