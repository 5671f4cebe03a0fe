"""Beam transforms: one file, one verb, one PTransform over functions of the core."""
