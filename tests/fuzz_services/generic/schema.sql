CREATE TABLE customers (id int PRIMARY KEY, credit int NOT NULL);
CREATE TABLE orders (id bigserial PRIMARY KEY, customer int NOT NULL REFERENCES customers,
                     status text NOT NULL DEFAULT 'unpaid', version int NOT NULL DEFAULT 0,
                     owner text);
CREATE TABLE payments (id bigserial PRIMARY KEY, order_id bigint NOT NULL, state text NOT NULL);
CREATE TABLE payments_once (id bigserial PRIMARY KEY, order_id bigint NOT NULL, state text NOT NULL);
CREATE UNIQUE INDEX one_live ON payments_once (order_id) WHERE state = 'live';
CREATE TABLE payments_late (id bigserial PRIMARY KEY, order_id bigint NOT NULL,
                            UNIQUE (order_id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE claims (order_id bigint PRIMARY KEY, token text);
CREATE TABLE tries (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id bigint NOT NULL);
CREATE TABLE counted (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id bigint NOT NULL);
CREATE TABLE jobs (id bigserial PRIMARY KEY, order_id bigint NOT NULL, done bool NOT NULL DEFAULT false);
CREATE TABLE audit (id bigserial PRIMARY KEY, what text NOT NULL);
CREATE TABLE effects (id bigserial PRIMARY KEY, order_id bigint NOT NULL);
CREATE VIEW unpaid AS SELECT id, customer, status FROM orders WHERE status = 'unpaid';

CREATE FUNCTION live(which bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM payments WHERE order_id = which
$$;
CREATE FUNCTION paid(o orders) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM payments p WHERE p.order_id = o.id)
$$;
CREATE FUNCTION claim(which bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE was text;
BEGIN
    SELECT status INTO was FROM orders WHERE id = which;
    IF was <> 'unpaid' THEN RETURN false; END IF;
    UPDATE orders SET status = 'processing' WHERE id = which;
    RETURN true;
END $$;
CREATE FUNCTION claim_locked(which bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE was text;
BEGIN
    SELECT status INTO was FROM orders WHERE id = which FOR UPDATE;
    IF was <> 'unpaid' THEN RETURN false; END IF;
    UPDATE orders SET status = 'processing' WHERE id = which;
    RETURN true;
END $$;
CREATE FUNCTION claim_checked(which bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders SET status = 'processing' WHERE id = which AND status = 'unpaid';
    RETURN FOUND;
END $$;
CREATE PROCEDURE claim_proc(which bigint, INOUT won boolean) LANGUAGE plpgsql AS $$
BEGIN
    won := NOT EXISTS (SELECT FROM payments WHERE order_id = which);
    IF won THEN INSERT INTO payments (order_id, state) VALUES (which, 'live'); END IF;
END $$;
CREATE PROCEDURE claim_once(which bigint, INOUT won boolean) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO claims VALUES (which, 'procedure') ON CONFLICT DO NOTHING;
    won := FOUND;
END $$;

-- The rows of all transactions that have committed are counted: at COMMIT, or at once.
CREATE FUNCTION only_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM tries WHERE order_id = NEW.order_id) > 1 THEN
        RAISE EXCEPTION 'taken';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER only_one AFTER INSERT ON tries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION only_one();
CREATE FUNCTION none_yet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM counted WHERE order_id = NEW.order_id) THEN
        RAISE EXCEPTION 'taken';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER none_yet BEFORE INSERT ON counted FOR EACH ROW EXECUTE FUNCTION none_yet();
CREATE FUNCTION owned_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.owner IS NOT NULL THEN RAISE EXCEPTION 'taken'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER owned_once BEFORE UPDATE OF owner ON orders
    FOR EACH ROW EXECUTE FUNCTION owned_once();
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (what) VALUES (NEW.id || ' is ' || NEW.status);
    RETURN NULL;
END $$;
CREATE TRIGGER note_it AFTER UPDATE OF status ON orders FOR EACH ROW EXECUTE FUNCTION note_it();

-- Functions that no statement calls by name.
CREATE TABLE checked (order_id bigint NOT NULL);
CREATE FUNCTION in_checked(which bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM checked WHERE order_id = which
$$;
ALTER TABLE checked ADD CHECK (in_checked(order_id) = 0);
CREATE DOMAIN fresh_order AS bigint CHECK (live(VALUE) = 0);
CREATE TYPE how_many AS (n bigint);
CREATE FUNCTION to_how_many(which text) RETURNS how_many LANGUAGE sql STABLE AS $$
    SELECT ROW(count(*))::how_many FROM payments WHERE order_id = which::bigint
$$;
CREATE CAST (text AS how_many) WITH FUNCTION to_how_many(text);
CREATE FUNCTION count_live(so_far bigint, which bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT so_far + (SELECT count(*) FROM payments WHERE order_id = which)
$$;
CREATE AGGREGATE live_payments (bigint) (SFUNC = count_live, STYPE = bigint, INITCOND = '0');

CREATE TABLE excluded_twice (order_id bigint NOT NULL, EXCLUDE USING btree (order_id WITH =));
CREATE TABLE of_orders (order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE);
CREATE TABLE counters (order_id bigint PRIMARY KEY, n int NOT NULL);
CREATE TABLE ledger (id bigserial PRIMARY KEY, customer int NOT NULL, amount int NOT NULL);
CREATE FUNCTION balance(whose int) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT 1 + coalesce(sum(amount), 0) FROM ledger WHERE customer = whose
$$;
CREATE FUNCTION locked_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM orders WHERE id = NEW.order_id FOR UPDATE;
    IF EXISTS (SELECT FROM of_orders WHERE order_id = NEW.order_id) THEN
        RAISE EXCEPTION 'taken';
    END IF;
    RETURN NEW;
END $$;
CREATE TABLE locked_tries (order_id bigint NOT NULL);
CREATE FUNCTION then_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO of_orders VALUES (NEW.order_id);
    RETURN NULL;
END $$;
CREATE TRIGGER then_counted AFTER INSERT ON locked_tries
    FOR EACH ROW EXECUTE FUNCTION then_counted();
CREATE TRIGGER locked_first BEFORE INSERT ON locked_tries
    FOR EACH ROW EXECUTE FUNCTION locked_first();

-- One call brings everything to its beginning.
CREATE FUNCTION begin_anew() RETURNS void LANGUAGE sql AS $$
    DELETE FROM payments; DELETE FROM payments_once; DELETE FROM payments_late;
    DELETE FROM claims; DELETE FROM tries; DELETE FROM counted; DELETE FROM jobs;
    DELETE FROM audit; DELETE FROM effects; DELETE FROM checked; DELETE FROM excluded_twice;
    DELETE FROM of_orders; DELETE FROM counters; DELETE FROM ledger; DELETE FROM locked_tries;
    DELETE FROM orders; DELETE FROM customers;
    INSERT INTO customers VALUES (1, 1);
$$;
