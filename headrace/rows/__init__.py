"""Raw bytes to rows: cut files at line ends, read cells, clean, derive, check; nothing is lost on the way."""
