"""Delta tables without a JVM: data files, one commit, snapshots, changes, plans and accounts."""
