"""What people put on record for a gate; its own decisions are in `records/decision.py`."""
