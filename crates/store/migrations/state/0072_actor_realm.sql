-- Audit records say of which realm an actor is, where it is another one than the record's own: ids are a realm's. Those
-- that are there already do not know, and keep their hashes (core's audit::chain).
ALTER TABLE audit ADD COLUMN actor_realm TEXT;
