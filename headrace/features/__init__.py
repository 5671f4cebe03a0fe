"""Features: declared steps, what they learn, point-in-time joins, and the guard against the future."""
