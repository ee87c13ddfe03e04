"""The metrics in words, a file per family."""
