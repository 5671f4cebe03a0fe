"""Every performance figure that is stated, each by one command, as a ratio against a peer in the same run."""
