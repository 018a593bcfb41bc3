"""Faults in data sets and in records: found, listed, and mended where nothing is guessed."""
