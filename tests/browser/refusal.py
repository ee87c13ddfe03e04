"""A refusal on MLflow's own page: its server with the gate, a version without evidence, a click."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

GATE = """\
gate: "1"
protect:
  - {models: [credit], aliases: [champion], policy: model_policy.yaml, signers: keys}
"""
POLICY = """\
policy: credit
version: "1.0"
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.70"}
"""
CALM_MS = 1_000
"""Milliseconds until what MLflow slides in lies still."""


def start_gated(start_server: Callable[..., Any], folder: Path) -> Any:
    """`mlflow server` with the gate, which protects `champion` of `credit`; to be stopped."""
    from venturalitica.ledger import load_signer

    (folder / "gate.yaml").write_text(GATE)
    (folder / "model_policy.yaml").write_text(POLICY)
    (folder / "keys").mkdir()
    signer = load_signer(None, folder / "own")
    (folder / "keys" / "ci.pem").write_text(signer.public.pem)
    return start_server(
        folder,
        *("--app-name", "venturalitica-gate"),
        VENTURALITICA_HOME=str(folder / "evidence"),
        VENTURALITICA_CONFIG=str(folder / "config"),
    )


def register_bare(url: str) -> str:
    """The address of the page of a version of `credit` that nobody judged."""
    from mlflow import MlflowClient

    client = MlflowClient(url)
    run = client.create_run("0", run_name="calm-crane-7").info
    client.log_text(run.run_id, "flavors: {}", "model/MLmodel")
    client.create_registered_model("credit")
    made = client.create_model_version("credit", f"{run.artifact_uri}/model", run.run_id)
    return f"{url}/#/models/credit/versions/{made.version}"


def ask_for_champion(page: Any) -> Any:
    """Give the version on the page the alias, as a person does; the dialog with the answer."""
    page.get_by_text("Aliases").first.wait_for()
    page.wait_for_timeout(CALM_MS)
    assistant = page.locator("[data-component-id='mlflow.assistant.chat_panel.close']")
    if assistant.count():  # it opens by itself, over a third of the page
        assistant.click()
    page.get_by_role("button", name="Add", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").fill("champion")
    dialog.get_by_role("combobox").press("Enter")
    dialog.get_by_role("button", name="Save aliases").click()
    dialog.get_by_role("alert").wait_for()
    page.wait_for_timeout(CALM_MS)
    return dialog
