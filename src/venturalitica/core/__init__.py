"""The values everyone speaks: policy, verdict, tally, record, bytes, text."""
