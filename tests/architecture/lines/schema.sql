CREATE TABLE payments (order_id text NOT NULL);
