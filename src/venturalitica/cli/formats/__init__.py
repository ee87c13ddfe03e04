"""`--format` of `check` and `verify`: what is asked for, and where each document goes."""
