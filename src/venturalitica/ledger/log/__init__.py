"""Appending, and what it must survive: power cuts, other writers, no locks."""
