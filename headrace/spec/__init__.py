"""Project files: data sets, models and places, read into frozen models; every fault by file, line and key."""
