"""What SQL touches, told from its text, its parameters and the database's catalog."""
