"""Kill runs of the real entry points, again and again, and count what is left."""
