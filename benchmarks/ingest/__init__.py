"""How fast raw files become a table, against the limit and against the usual way."""
