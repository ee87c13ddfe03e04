"""What persons signed about records: that it is of those very records, and by their keys."""
