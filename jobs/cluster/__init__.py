"""Where jobs meet Spark: session, jars, preflight, barrier stage. Nothing else knows its API for these."""
