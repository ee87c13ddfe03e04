"""One message for each change of a pipeline's light: `venturalitica watch`, `ui --notify`.

    changes.py       which lights changed since what was told, from the log
    told.py          what each destination was told, kept in `cache/`
    message.py       a change as words for people and as facts for programs
    destinations.py  where messages go, by their addresses; each is a `destination`
    webhook.py       a signed POST
    services.py      all that Apprise knows (extra `notify`), imported there alone
    watcher.py       looks at the log, tells, tries again

The log itself is what waits: a destination that does not answer is told later what the log says
since what it was told last, so nothing is lost and nothing is queued.
"""
