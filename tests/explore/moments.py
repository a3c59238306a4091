"""A schema for statements that are, or are not, single moments."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE orders (id int PRIMARY KEY, number text UNIQUE NOT NULL, total int NOT NULL DEFAULT 0,
                     status text NOT NULL DEFAULT 'unpaid', note text);
CREATE TABLE seats (hall int, seat int, taken bool NOT NULL DEFAULT false,
                    PRIMARY KEY (hall, seat));
CREATE TABLE attempts (id serial PRIMARY KEY, order_id int NOT NULL,
                       state text NOT NULL DEFAULT 'live');
CREATE UNIQUE INDEX one_paid ON attempts (order_id) WHERE state = 'paid';
CREATE VIEW unpaid AS SELECT id, total FROM orders WHERE status = 'unpaid';

CREATE FUNCTION claim(which int) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE s text;
BEGIN
    SELECT status INTO s FROM orders WHERE id = which;
    IF s <> 'unpaid' THEN RETURN false; END IF;
    UPDATE orders SET status = 'paid' WHERE id = which;
    RETURN true;
END $$;
CREATE FUNCTION claim_locked(which int) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE s text;
BEGIN
    SELECT status INTO s FROM orders WHERE id = which FOR UPDATE;
    IF s <> 'unpaid' THEN RETURN false; END IF;
    UPDATE orders SET status = 'paid' WHERE orders.id = claim_locked.which;
    RETURN true;
END $$;
CREATE FUNCTION claim_by_update(int) RETURNS int LANGUAGE sql AS $$
    UPDATE orders SET status = 'paid' WHERE id = $1 AND status = 'unpaid' RETURNING id
$$;
CREATE PROCEDURE pay(which int) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM attempts WHERE order_id = which) THEN
        INSERT INTO attempts (order_id) VALUES (which);
    END IF;
END $$;
CREATE PROCEDURE pay_by_another(which int) LANGUAGE plpgsql AS $$ BEGIN CALL pay(which); END $$;
CREATE PROCEDURE pay_locked(which int) LANGUAGE plpgsql AS $$
BEGIN PERFORM FROM orders WHERE id = which FOR UPDATE; END $$;
CREATE PROCEDURE pay_and_commit(which int) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders SET status = 'paid' WHERE id = which;
    COMMIT;
END $$;

-- Functions that nobody calls by name.
CREATE FUNCTION live(orders) RETURNS int LANGUAGE sql STABLE AS
    $$ SELECT count(*)::int FROM attempts a WHERE a.order_id = $1.id $$;
CREATE TYPE livecount AS (k int);
CREATE FUNCTION to_live(text) RETURNS livecount LANGUAGE sql STABLE AS
    $$ SELECT ROW(count(*))::livecount FROM attempts $$;
CREATE CAST (text AS livecount) WITH FUNCTION to_live(text);
CREATE FUNCTION is_few(text) RETURNS bool LANGUAGE sql AS $$ SELECT count(*) < 2 FROM attempts $$;
CREATE DOMAIN few AS text CHECK (is_few(VALUE));
CREATE DOMAIN fewer AS few;
CREATE TABLE limited (v fewer);
CREATE TABLE numbered (n int);
CREATE FUNCTION next_no() RETURNS int LANGUAGE sql AS
    $$ SELECT coalesce(max(n), 0) + 1 FROM numbered $$;
ALTER TABLE numbered ALTER n SET DEFAULT next_no();
CREATE FUNCTION is_free(int) RETURNS bool LANGUAGE sql AS
    $$ SELECT NOT EXISTS (SELECT FROM attempts WHERE order_id = $1) $$;
CREATE TABLE checked (n int CHECK (is_free(n)));
CREATE FUNCTION same(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS
    $$ SELECT $1 = $2 AND NOT EXISTS (SELECT FROM attempts) $$;
CREATE OPERATOR === (FUNCTION = same, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION live_step(int, text) RETURNS int LANGUAGE sql STABLE AS
    $$ SELECT $1 + count(*)::int FROM attempts $$;
CREATE AGGREGATE live_agg(text) (SFUNC = live_step, STYPE = int, INITCOND = '0');
CREATE TABLE watched (n int);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO attempts (order_id) VALUES (NEW.n); RETURN NULL; END $$;
CREATE TRIGGER watch AFTER INSERT ON watched FOR EACH ROW WHEN (is_free(NEW.n))
    EXECUTE FUNCTION watch();
CREATE TABLE ruled (n int);
CREATE RULE instead AS ON INSERT TO ruled DO INSTEAD
    INSERT INTO attempts (order_id) SELECT NEW.n WHERE NOT EXISTS (SELECT FROM attempts);
CREATE TABLE stamped (id int PRIMARY KEY, n int, at timestamptz);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.at := now(); RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp();
"""
