"""Records about logs of other keys."""
