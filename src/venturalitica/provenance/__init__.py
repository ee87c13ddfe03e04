"""What surrounded a run: Python and packages, hardware, git, the CI, and digests of data.

Each probe is quick, bounded, and says nothing that is secret: no environment variables, no
arguments, no user or host names, no diffs, no credentials in addresses.
"""
