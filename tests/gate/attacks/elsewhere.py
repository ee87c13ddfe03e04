"""Steps by the rest of what MLflow's server offers: logged models, prompts, traces, webhooks.

None is meant for the alias, the files or the evidence of a version; each names one of these.
"""

from __future__ import annotations

import json
from typing import Any

EVIL = b"import os; os.system('id')"
PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}


def logged_models(one: Any) -> None:
    """Another state, tags and parameters of a logged model; a new one of a proven run."""
    model, run = one.random.choice(one.shelf).model, one.random.choice(one.shelf).run
    made = {"experiment_id": "0", "name": "x", "source_run_id": run}
    tags = [{"key": "venturalitica.light", "value": "green"}]
    registered = [{"key": "mlflow.modelVersions", "value": '[{"name": "credit", "version": 1}]'}]
    _one_of(
        one,
        ("POST", "/api/2.0/mlflow/logged-models", made),
        ("PATCH", f"/api/2.0/mlflow/logged-models/{model}", {"model_id": model, "status": 2}),
        ("PATCH", f"/ajax-api/2.0/mlflow/logged-models/{model}/tags", {"tags": tags}),
        ("PATCH", f"/api/2.0/mlflow/logged-models/{model}/tags", {"tags": registered}),
        ("DELETE", f"/api/2.0/mlflow/logged-models/{model}/tags/mlflow.modelVersions", {}),
        ("POST", f"/api/2.0/mlflow/logged-models/{model}/params", {"params": tags}),
    )


def as_a_prompt(one: Any) -> None:
    """A prompt of a protected name, or a model that is called one: prompts have aliases too."""
    name = one.random.choice(["credit", f"credit-{one.number}"])
    if name != "credit":
        said = {"name": name, "tags": [PROMPT]}
        one.world.api("POST", "registered-models/create", said)
        text = {"key": "mlflow.prompt.text", "value": "x"}
        version = {"name": name, "source": "dummy-source", "tags": [PROMPT, text]}
        one.world.api("POST", "model-versions/create", version)
        one.made.append((name, "1"))
    else:
        one.world.api("POST", "registered-models/set-tag", {"name": name, **PROMPT})
    one.ask_alias()
    said = {"name": name, "key": PROMPT["key"]}
    one.world.api("DELETE", "registered-models/delete-tag", said)


def in_a_batch(one: Any) -> None:
    """Our tags and metrics among others, and what a run says of its model."""
    run = one.random.choice(one.shelf).run
    metric = {"key": "venturalitica/accuracy", "value": 1.0, "timestamp": 1, "step": 0}
    tag = {"key": "venturalitica.light", "value": "green"}
    other = {"key": "a", "value": "b"}
    about = {"run_id": run, "artifact_path": "model", "flavors": {}, "utc_time_created": "2026"}
    kept = json.dumps(about)
    _one_of(
        one,
        ("POST", "/api/2.0/mlflow/runs/log-batch", {"run_id": run, "metrics": [metric]}),
        ("POST", "/ajax-api/2.0/mlflow/runs/log-batch", {"run_id": run, "tags": [other, tag]}),
        ("POST", "/api/2.0/mlflow/runs/log-model", {"run_id": run, "model_json": kept}),
        ("POST", "/api/2.0/mlflow/runs/log-metric", {"run_id": run, **metric}),
        ("POST", "/api/2.0/mlflow/runs/log-inputs", {"run_id": run, "datasets": []}),
    )


def traces_and_hooks(one: Any) -> None:
    """A trace whose data lies where a model does; a hook that calls the server for the alias."""
    kept = one.random.choice(one.shelf)
    place = f"mlflow-artifacts:/0/models/{kept.model}/artifacts"
    at = {"mlflow.artifactLocation": place, "mlflow.source.run": kept.run}
    info = {
        "trace_id": f"tr-{one.number}",
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": "0"},
        },
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
        "tags": at,
    }
    call = f"{one.world.url}/api/2.0/mlflow/registered-models/alias"
    event = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
    hook = {"name": f"hook-{one.number}", "url": call, "events": event}
    _one_of(
        one,
        ("POST", "/api/3.0/mlflow/traces", {"trace": {"trace_info": info}}),
        ("PATCH", f"/api/3.0/mlflow/traces/tr-{one.number}/tags", {"key": "a", "value": place}),
        ("POST", "/api/2.0/mlflow/traces/link-to-run", {"trace_ids": ["x"], "run_id": kept.run}),
        ("POST", "/api/2.0/mlflow/webhooks", hook),
        ("POST", "/api/3.0/mlflow/traces/batchGetInfos", {"trace_ids": [place]}),
    )
    route = f"/api/2.0/mlflow-artifacts/artifacts/0/models/{kept.model}/artifacts/traces.json"
    one.world.ask("PUT", route, body=EVIL)


def experiment_over_a_model(one: Any) -> None:
    """An experiment whose artifacts lie where those of a model or of its evidence do."""
    kept = one.random.choice(one.shelf)
    below = one.random.choice(
        [
            f"mlflow-artifacts:/0/models/{kept.model}/artifacts",
            f"mlflow-artifacts:/0/{kept.run}/artifacts/venturalitica",
            f"{one.world.url}/api/2.0/mlflow-artifacts/artifacts/0/models/{kept.model}",
            one.world.artifact(f"0/models/{kept.model}").as_uri(),
        ]
    )
    said = {"name": f"over-{one.number}-{one.random.random()}", "artifact_location": below}
    made = one.world.api("POST", "experiments/create", said)
    if made.status != 200:
        return
    said = {"experiment_id": made.json["experiment_id"]}
    run = one.world.api("POST", "runs/create", said)
    if run.status != 200:
        return
    place = run.json["run"]["info"]["run_id"]
    path = one.random.choice(["MLmodel", "evidence.json", "..%2F..%2FMLmodel", "../x.py"])
    one.world.ask(
        "POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={place}&path={path}", body=EVIL
    )


def other_bodies(one: Any) -> None:
    """Versions and models changed by what is meant for their description; presigned uploads."""
    kept = one.random.choice(one.shelf)
    version = {"name": "credit", "version": kept.version}
    stage = {**version, "current_stage": "Production", "source": "/etc", "aliases": ["champion"]}
    alias = [{"alias": "champion", "version": kept.version}]
    model = {"name": "credit", "description": "x", "aliases": alias}
    upload = {"run_id": kept.run, "path": "venturalitica/evidence.json"}
    file = f"0/models/{kept.model}/artifacts/MLmodel"
    _one_of(
        one,
        ("PATCH", "/api/2.0/mlflow/model-versions/update", stage),
        ("PATCH", "/ajax-api/2.0/mlflow/registered-models/update", model),
        ("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", upload),
        ("GET", f"/api/2.0/mlflow-artifacts/presigned/{file}", None),
        ("POST", f"/api/2.0/mlflow-artifacts/mpu/create/{file}", {"path": file, "num_parts": 1}),
        (
            "POST",
            f"/api/2.0/mlflow-artifacts/mpu/complete/{file}",
            {"path": file, "upload_id": "x", "parts": []},
        ),
    )


def _one_of(one: Any, *asked: tuple[str, str, object]) -> None:
    method, path, said = one.random.choice(asked)
    answer = one.world.ask(method, path, said)
    one.tally[f"elsewhere: {answer.status}"] += 1
