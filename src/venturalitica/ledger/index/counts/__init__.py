"""What the pages count: kept as rows are put in, and asked of that."""
