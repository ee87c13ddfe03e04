"""The write side: one audit from rows to a record in the log, and on to the trackers."""
