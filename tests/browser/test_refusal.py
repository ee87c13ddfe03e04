"""Who asks for a protected alias on MLflow's own page reads there why it is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlflow import MlflowClient


def test_mlflows_page_shows_the_gates_sentence(
    chromium: Any, start_server: Callable[..., Any], tmp_path: Path
) -> None:
    refusal = sys.modules["browser_refusal"]
    server = refusal.start_gated(start_server, tmp_path)
    try:
        page = chromium.new_page()
        answers: list[int] = []
        page.on("response", lambda answer: answers.append(answer.status))
        page.goto(refusal.register_bare(server.url))
        said = refusal.ask_for_champion(page).get_by_role("alert").inner_text()
        assert said == (
            "venturalitica: there is no record of a judgement (found: nothing); train it with "
            "vl.wrap or judge it with 'venturalitica check DATA --model URI', in an open run "
            "[gate: no-evidence]"
        )
        assert 403 in answers
        page.reload()
        page.get_by_text("Aliases").first.wait_for()
        assert page.get_by_text("champion").count() == 0
        assert MlflowClient(server.url).get_registered_model("credit").aliases == {}
        page.context.close()
    finally:
        server.stop()
