CREATE TABLE orders (id serial PRIMARY KEY, paid boolean NOT NULL DEFAULT false);
CREATE TABLE claims (key text PRIMARY KEY);
CREATE TABLE pairs (number bigint, kind text, PRIMARY KEY (number, kind));
CREATE TABLE docs (id serial PRIMARY KEY, body jsonb NOT NULL);
CREATE UNIQUE INDEX docs_order ON docs ((body ->> 'order'));
CREATE TABLE lists (orders int[] PRIMARY KEY);
CREATE TABLE payments (id text PRIMARY KEY, order_id int NOT NULL, note text NOT NULL DEFAULT '');
CREATE SEQUENCE invoices;
