"""Finds records: a projection of the log that can be deleted."""
