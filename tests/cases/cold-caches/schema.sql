CREATE TABLE orders (id bigserial PRIMARY KEY);
CREATE TABLE payments (id bigserial PRIMARY KEY, order_id bigint NOT NULL);
CREATE TABLE settings (currency text NOT NULL, amount int NOT NULL);
INSERT INTO settings VALUES ('usd', 4990);
CREATE TABLE kinds (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
