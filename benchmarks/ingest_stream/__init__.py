"""How fast messages of a real broker become rows of a table, and what a restart and ten minutes cost."""
