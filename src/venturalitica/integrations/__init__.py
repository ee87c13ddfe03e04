"""Doors inside other tools: each file is what one of them loads, and loads us only when used."""
