CREATE TABLE invoice (id serial PRIMARY KEY, status text NOT NULL DEFAULT 'open', taken_until timestamptz NOT NULL DEFAULT '-infinity');
