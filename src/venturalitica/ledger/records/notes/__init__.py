"""What people put on record about a record without deciding on it."""
