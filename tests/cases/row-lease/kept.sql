-- Triggers that undo the end of what an invoice is taken for: one that lets it grow only, as time
-- that passes does not ask, and two that fire whoever writes.
ALTER TABLE invoice ADD guard text NOT NULL DEFAULT '';

CREATE FUNCTION grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  new.taken_until := greatest(new.taken_until, old.taken_until);
  RETURN new;
END $$;

CREATE FUNCTION skips() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.taken_until < old.taken_until THEN RETURN NULL; END IF;
  RETURN new;
END $$;

CREATE TRIGGER grows BEFORE UPDATE ON invoice FOR EACH ROW
WHEN (old.guard = 'grows') EXECUTE FUNCTION grows();

CREATE TRIGGER always BEFORE UPDATE ON invoice FOR EACH ROW
WHEN (old.guard = 'always') EXECUTE FUNCTION grows();
ALTER TABLE invoice ENABLE ALWAYS TRIGGER always;

CREATE TRIGGER skipped BEFORE UPDATE ON invoice FOR EACH ROW
WHEN (old.guard = 'skipped') EXECUTE FUNCTION skips();
ALTER TABLE invoice ENABLE ALWAYS TRIGGER skipped;
