"""The read side: what a log, a bundle or a tracker's run holds, verified and put into words."""
