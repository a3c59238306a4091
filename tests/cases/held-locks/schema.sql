CREATE TABLE customers (id text PRIMARY KEY);
CREATE TABLE orders (id text PRIMARY KEY, customer text NOT NULL REFERENCES customers, status text NOT NULL DEFAULT 'unpaid');
CREATE TABLE payments (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id text NOT NULL);
CREATE TABLE codes (code text PRIMARY KEY);
INSERT INTO codes VALUES ('taken');
CREATE TABLE states (order_id text PRIMARY KEY, state text NOT NULL);
CREATE TABLE claims (order_id text NOT NULL);
CREATE TABLE late_claims (order_id text NOT NULL);
CREATE VIEW payable AS SELECT id FROM orders o WHERE NOT EXISTS (SELECT FROM payments WHERE order_id = o.id);
CREATE FUNCTION lock_order(i text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM FROM orders WHERE id = i FOR UPDATE; END $$;
CREATE FUNCTION first_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM lock_order(NEW.order_id);
  IF (SELECT count(*) FROM claims WHERE order_id = NEW.order_id) > 0 THEN RAISE unique_violation; END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION first_late_claim() RETURNS trigger LANGUAGE plpgsql STABLE AS $$ BEGIN
  PERFORM lock_order(NEW.order_id);
  IF (SELECT count(*) FROM late_claims WHERE order_id = NEW.order_id) > 0 THEN RAISE unique_violation; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER first BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION first_claim();
CREATE TRIGGER first BEFORE INSERT ON late_claims FOR EACH ROW EXECUTE FUNCTION first_late_claim();
