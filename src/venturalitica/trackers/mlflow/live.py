"""Whether a server on this machine shows a run: asked of the server itself, without mlflow."""

from __future__ import annotations

import json
import urllib.request
from urllib.parse import quote

from venturalitica.trackers.leads import is_loopback

ANSWER_WITHIN = 2.0
MOST = 16 * 1024 * 1024


def shows(server: str, run_id: str) -> bool:
    """Whether the server answers now, and knows this very run.

    Something else may have taken the port; only who knows the run is the store's own server. Never
    asked beyond this machine: the run's id is nobody else's business.
    """
    if not is_loopback(server):
        return False
    # Not by a proxy that the environment names: it is another machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    place = f"{server}/api/2.0/mlflow/runs/get?run_id={quote(run_id, safe='')}"
    try:
        with direct.open(place, timeout=ANSWER_WITHIN) as answer:
            found = json.loads(answer.read(MOST))
        return bool(found["run"]["info"]["run_id"] == run_id)
    except (OSError, ValueError, KeyError, TypeError):
        return False
