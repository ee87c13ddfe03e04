"""The kinds of record besides audits and runs, and the shape of each."""
