"""Spark entry points: build_examples, train, evaluate, score. One file, one job."""
