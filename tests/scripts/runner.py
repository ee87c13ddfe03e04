"""Runs scripts, each in a process of its own, forked from one that has imported what is slow.

    python runner.py JOBS.json

A job is `{"script", "folder", "wrapped"}`: the script is copied into the folder and run there, bare
or with its constructor lines (those that end in `# governed`) rewritten to the two lines. What came
of it is left as `result.json` in the folder, what it wrote to the screen as `screen.txt`.
"""

from __future__ import annotations

import ast
import atexit
import hashlib
import json
import os
import random
import runpy
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

OURS = "venturalitica"
AT_ONCE = 2


def rewritten(source: str) -> str:
    """The script with the two lines: an import, and `vl.wrap` around each constructor."""
    lines, tree = source.splitlines(keepends=True), ast.parse(source)
    made = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and lines[(node.end_lineno or 0) - 1].rstrip().endswith("# governed")
    ]
    assert made, "no line of the script ends in '# governed'"
    for value in sorted(made, key=lambda value: value.lineno, reverse=True):
        text = "".join(lines[value.lineno - 1 : value.end_lineno])
        after = len(lines[(value.end_lineno or 0) - 1]) - (value.end_col_offset or 0)
        head, call, tail = (
            text[: value.col_offset],
            text[value.col_offset : -after],
            text[-after:],
        )
        whole = f'{head}vl.wrap({call}, policy="policy.yaml"){tail}'
        lines[value.lineno - 1 : value.end_lineno] = [whole]
    return "import venturalitica as vl\n" + "".join(lines)


def warm() -> None:
    """Import what scripts import and what takes long; nothing that starts a thread for good.

    Ours too: until a governed model trains it does nothing.
    """
    import importlib
    import warnings

    warnings.simplefilter("ignore")
    names = (
        "mlflow mlflow.sklearn mlflow.lightgbm mlflow.data mlflow.store.tracking.sqlalchemy_store "
        "wandb lightgbm catboost xgboost pandas sklearn.ensemble sklearn.linear_model skops.io "
        "sklearn.model_selection sklearn.pipeline sklearn.datasets sklearn.calibration "
        "sklearn.feature_extraction.text pydantic sqlalchemy joblib matplotlib.pyplot narwhals "
        "venturalitica.wrapping.wrap venturalitica.policy venturalitica.ledger.index.index "
        "venturalitica.reports.html.page"
    )
    for name in names.split():
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue


def main() -> None:
    jobs = json.loads(Path(sys.argv[1]).read_text())
    warm()
    running: dict[int, Any] = {}
    while jobs or running:
        while jobs and len(running) < AT_ONCE:
            job = jobs.pop(0)
            child = os.fork()
            if child == 0:
                _run(job)
            running[child] = job
        ended, _ = os.wait()
        running.pop(ended, None)


def _run(job: Mapping[str, Any]) -> None:
    """In the child: run the script to its end as the interpreter would, and leave."""
    folder = Path(job["folder"])
    os.chdir(folder)
    screen = os.open("screen.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(screen, 1)
    os.dup2(screen, 2)
    os.environ.update(job["environment"])
    result: dict[str, Any] = {}
    try:
        source = Path(job["script"]).read_text()
        Path("script.py").write_text(rewritten(source) if job["wrapped"] else source)
        wandb = _watch_wandb()
        sys.argv = ["script.py"]
        random.seed(7)
        import numpy as np

        np.random.seed(7)
        end = runpy.run_path("script.py", run_name="__main__")
        result = {"predictions": _digest(end["predictions"]), "random": _random_state()}
        atexit._run_exitfuncs()
        result |= {"mlflow": list(_mlflow_runs()), "wandb": wandb}
        if job["wrapped"]:
            result["audits"] = list(_audits())
    except BaseException:  # noqa: BLE001 - the test says what it was
        result["error"] = traceback.format_exc()
    Path("result.json").write_text(json.dumps(result, default=str))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _digest(value: Any) -> str:
    import numpy as np

    found = np.asarray(value)
    data = repr(found.tolist()) if found.dtype == object else found.tobytes()
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def _random_state() -> str:
    import numpy as np

    kind, keys, place, *rest = np.random.get_state()
    return _digest([repr(random.getstate()), f"{kind} {keys!r} {place} {rest}"])


def _mlflow_runs() -> Iterator[dict[str, Any]]:
    """Each run as its user left it, in the order that they began."""
    if not Path("mlflow.db").exists():
        return
    import mlflow

    client = mlflow.MlflowClient("sqlite:///mlflow.db")
    experiments = {one.experiment_id: one.name for one in client.search_experiments()}
    runs = client.search_runs(list(experiments), order_by=["attributes.start_time"])
    for run in sorted(runs, key=lambda run: run.info.start_time):
        run_id, tags = run.info.run_id, run.data.tags
        inputs = run.inputs.dataset_inputs if run.inputs else []
        yield {
            "id": run_id,
            "user": {
                "experiment": experiments[run.info.experiment_id],
                "status": run.info.status,
                "params": dict(run.data.params),
                "metrics": {
                    key: [
                        (point.step, point.value)
                        for point in client.get_metric_history(run_id, key)
                    ]
                    for key in run.data.metrics
                    if not key.startswith(OURS) and not key.endswith("_time")
                },
                "tags": {k: v for k, v in tags.items() if not k.startswith((OURS, "mlflow."))},
                "nested": "mlflow.parentRunId" in tags,
                "inputs": [
                    [one.dataset.name, one.dataset.digest, [tag.value for tag in one.tags]]
                    for one in inputs
                    if not any(tag.key.startswith(OURS) for tag in one.tags)
                ],
                "models": len(run.outputs.model_outputs) if run.outputs else 0,
                "artifacts": sorted(
                    path
                    for path in _artifacts(client, run_id, "")
                    if not path.startswith((OURS, "policy_snapshot"))
                ),
            },
            "name": tags.get("mlflow.runName", ""),
            "ours": {key: value for key, value in tags.items() if key.startswith(OURS)},
            "snapshots": _snapshots(client, run_id),
        }


def _artifacts(client: Any, run_id: str, folder: str) -> Iterator[str]:
    for item in client.list_artifacts(run_id, folder):
        yield from _artifacts(client, run_id, item.path) if item.is_dir else [item.path]


def _snapshots(client: Any, run_id: str) -> list[str]:
    found = [item.path for item in client.list_artifacts(run_id, "policy_snapshot")]
    return [Path(client.download_artifacts(run_id, path)).read_text() for path in found]


def _watch_wandb() -> list[dict[str, Any]]:
    """What users log to runs of W&B's, as its client is given it."""
    seen: list[dict[str, Any]] = []
    module = sys.modules.get("wandb.sdk.wandb_run")
    if module is None:
        return seen
    run_class: Any = module.Run
    by_id: dict[str, dict[str, Any]] = {}

    def of(run: Any) -> dict[str, Any]:
        if run.id not in by_id:
            files = str(Path(run.settings.files_dir).absolute())
            by_id[run.id] = {"id": run.id, "name": run.name, "files": files}
            by_id[run.id]["user"] = {"rows": [], "artifacts": []}
            seen.append(by_id[run.id])
        return by_id[run.id]

    log, artifact = run_class._partial_history_callback, run_class._log_artifact
    finish = run_class._finish

    def logged(self: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
        of(self)["user"]["rows"].append(data)
        return log(self, data, *args, **kwargs)

    def logged_artifact(self: Any, what: Any, *args: Any, **kwargs: Any) -> Any:
        made = artifact(self, what, *args, **kwargs)
        if not made.name.startswith((OURS, "policy_snapshot", f"run-{self.id}-")):
            of(self)["user"]["artifacts"].append([made.name, made.type])
        return made

    def finished(self: Any, *args: Any, **kwargs: Any) -> Any:
        summary = self.summary._as_dict()
        of(self)["user"] |= {
            "summary": {
                key: value
                for key, value in summary.items()
                if not key.startswith(OURS) and key not in ("_timestamp", "_runtime", "_wandb")
            },
            "config": dict(self.config),
        }
        return finish(self, *args, **kwargs)

    run_class._partial_history_callback = logged
    run_class._log_artifact = logged_artifact
    run_class._finish = finished
    return seen


def _audits() -> Iterator[dict[str, Any]]:
    """Each audit on record, and the runs where it belongs."""
    from venturalitica.audit.project import open_ledger
    from venturalitica.ledger.lifecycle.ties import attachments_of, runs_of, superseded

    ledger = open_ledger(create=False)
    for entry in ledger.entries():
        if entry.record.kind == "audit":
            made = [attachment for _, attachment in attachments_of(ledger, entry)]
            gone = superseded(made)
            runs = runs_of(entry.record.trackers, made)
            policy = entry.record.policy
            yield {
                "evidence_sha256": entry.evidence_sha256,
                "policy": policy.data.decode() if policy and policy.data else "",
                "statuses": {one.control: one.status for one in entry.record.verdicts},
                "reasons": [one.reason for one in entry.record.verdicts],
                "runs": [
                    [run["tracker"], run["run_id"], run["run_name"]]
                    for run in runs
                    if (run["tracker"], run["run_id"]) not in gone
                ],
            }


if __name__ == "__main__":
    main()
