"""Files that survive a power cut, locks, settings, and where this package came from."""
