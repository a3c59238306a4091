"""The footprint of SQL, read from its text, its parameters and the database's catalog."""
