CREATE TABLE invoice (id serial PRIMARY KEY, status text NOT NULL DEFAULT 'open', taken_until timestamptz NOT NULL DEFAULT '-infinity');

CREATE FUNCTION take(invoice_id int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE found_id int;
BEGIN
  UPDATE invoice SET taken_until = now() + interval '30 s'
  WHERE id = invoice_id AND status = 'open' AND taken_until < now() RETURNING id INTO found_id;
  RETURN found_id;
END $$;

CREATE VIEW free_invoice AS SELECT id FROM invoice WHERE status = 'open' AND taken_until < now();
