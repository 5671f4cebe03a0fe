"""Beam entry points."""
