"""The keys that sign: made, loaded, guarded, handed over."""
