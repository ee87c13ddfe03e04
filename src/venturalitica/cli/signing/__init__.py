"""What a person signs about a record: a sign-off, a note."""
