"""The kinds of record beside audits and runs: a file each reads what such a record says."""
