"""Examination: facts about the set-up, for `doctor` and for pages. Looking changes nothing.

finding.py      one thing that was looked at
everything.py   all that `doctor` shows, in its order
evidence.py     the log, what waits for a tracker, the inbox
policy.py       the project's policy file
trackers.py     whether each tracker answers
links.py        each tracker in five lights
ci.py           which CI the project has, and which records were made in one
keys.py         whose key signed, and which sealed the log
"""
