CREATE TABLE cart (id serial PRIMARY KEY, status text NOT NULL DEFAULT 'open');
