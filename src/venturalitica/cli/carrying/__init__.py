"""The commands that bring evidence from one machine to another."""
