"""Watching the evidence: `venturalitica watch`, and the same beside the pages."""
