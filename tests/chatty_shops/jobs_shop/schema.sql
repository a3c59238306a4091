CREATE TABLE settings (id serial PRIMARY KEY, name text UNIQUE NOT NULL, value text NOT NULL);
CREATE TABLE products (id serial PRIMARY KEY, name text NOT NULL, price integer NOT NULL);
CREATE TABLE rules (id serial PRIMARY KEY, product_id integer NOT NULL REFERENCES products, off integer NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, status text NOT NULL DEFAULT 'open', total integer NOT NULL DEFAULT 0);
CREATE TABLE lines (
    id serial PRIMARY KEY,
    order_id integer NOT NULL REFERENCES orders,
    product_id integer NOT NULL REFERENCES products,
    price integer NOT NULL DEFAULT 0
);
CREATE TABLE events (id serial PRIMARY KEY, order_id integer NOT NULL REFERENCES orders, what text NOT NULL);
CREATE TABLE payments (id serial PRIMARY KEY, order_id integer NOT NULL REFERENCES orders, intent text UNIQUE NOT NULL);
CREATE TABLE audit (id serial PRIMARY KEY, what text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE jobs (id serial PRIMARY KEY, kind text NOT NULL, order_id integer NOT NULL, state text NOT NULL DEFAULT 'queued');
CREATE TABLE mails (id serial PRIMARY KEY, job_id integer UNIQUE NOT NULL REFERENCES jobs, words text NOT NULL);
INSERT INTO settings (name, value) SELECT 'setting ' || n, n FROM generate_series(1, 20) n;
INSERT INTO products (name, price) SELECT 'product ' || n, 100 + n FROM generate_series(1, 20) n;
INSERT INTO rules (product_id, off) SELECT id, id % 5 FROM products;
