"""Logs from one machine to another: what is carried, what was taken in."""
