"""Files of every format with a few bytes changed, through the whole ingest."""
