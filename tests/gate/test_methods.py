"""Every method by which MLflow's stores write is guarded, or known to touch nothing protected."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore")

READING = ("get_", "search_", "list_", "download_", "supports_", "batch_get_", "query_", "find_")

REGISTRY_HARMLESS = {
    # A description; nothing is decided by one.
    "update_registered_model",
    "update_model_version",
    # A new version stands under no alias and in no stage.
    "create_model_version",
    "copy_model_version",
    # They set aliases, tags and names by the methods that are guarded.
    "create_prompt",
    "create_prompt_version",
    "delete_prompt",
    "delete_prompt_version",
    "set_prompt_tag",
    "delete_prompt_tag",
    "set_prompt_alias",
    "delete_prompt_alias",
    "set_prompt_version_tag",
    "delete_prompt_version_tag",
    "link_prompts_to_trace",
    "link_prompt_version_to_model",
    "link_prompt_version_to_run",
    # They call somebody; what they are told to call changes nothing here.
    "create_webhook",
    "update_webhook",
    "delete_webhook",
    "test_webhook",
}

RUNS_AND_MODELS = ("run", "logged_model", "tag", "experiment", "metric", "param", "artifact")
OTHERS = ("gateway", "mcp_", "_async")
"""What is stored beside runs, and what a client queues and sends by the other methods."""

TRACKING_HARMLESS = {
    "create_run",
    "restore_run",
    "create_experiment",
    "rename_experiment",
    "restore_experiment",
    # Tags of experiments, traces and data sets: no evidence lies there.
    "set_experiment_tag",
    "delete_experiment_tag",
    "set_trace_tag",
    "delete_trace_tag",
    "set_dataset_tags",
    "delete_dataset_tag",
    "add_dataset_to_experiments",
    "remove_dataset_from_experiments",
    "link_traces_to_run",
    "unlink_traces_from_run",
    # They write nothing, or the one tag that says where a logged model was registered.
    "filter_active_experiment_ids",
    "sanitize_metric_value",
    "set_model_versions_tags",
    # The name and the end of a run, and parameters: ours are none of them.
    "update_run_info",
    "log_param",
    "log_logged_model_params",
    "create_logged_model",
    "finalize_logged_model",
    "record_logged_model",
}


def public(of: type) -> set[str]:
    return {
        name
        for name, _ in inspect.getmembers(of, inspect.isfunction)
        if not name.startswith(("_", *READING))
    }


def test_the_registry_has_no_other_way_to_write() -> None:
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    from venturalitica.server.application import REGISTRY

    assert public(SqlAlchemyStore) - REGISTRY.keys() - REGISTRY_HARMLESS == set()
    assert REGISTRY.keys() <= public(SqlAlchemyStore)


def test_the_runs_have_no_other_way_to_write() -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from venturalitica.server.application import TRACKING

    of_runs = {
        name
        for name in public(SqlAlchemyStore)
        if any(word in name for word in RUNS_AND_MODELS) and not any(one in name for one in OTHERS)
    }
    assert of_runs - TRACKING.keys() - TRACKING_HARMLESS == set()
    assert TRACKING.keys() <= public(SqlAlchemyStore)


def artifact_stores() -> Iterator[Any]:
    import mlflow.store.artifact as folder
    from mlflow.store.artifact import artifact_repo

    yield from (
        kind
        for _, kind in inspect.getmembers(artifact_repo, inspect.isclass)
        if kind.__module__ == artifact_repo.__name__ and not issubclass(kind, tuple)
    )
    for found in pkgutil.iter_modules(folder.__path__):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                module = importlib.import_module(f"{folder.__name__}.{found.name}")
            except ImportError:
                continue
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__ and kind.__name__.endswith("Repository"):
                yield kind


def test_artifacts_have_no_other_way_to_write() -> None:
    from venturalitica.server.application import WRITES

    writing = ("log_", "upload_", "delete_", "create_", "complete_", "write", "put", "move", "copy")
    found = {name for kind in artifact_stores() for name in public(kind)}
    ways = {name for name in found if name.startswith(writing)}
    assert len(ways) >= 8
    assert ways - WRITES.keys() - {"create_presigned_upload_url"} == set()
    assert WRITES.keys() <= found


def test_graphql_changes_nothing() -> None:
    from mlflow.server.graphql.graphql_schema_extensions import schema

    assert schema.graphql_schema.mutation_type is not None
    assert set(schema.graphql_schema.mutation_type.fields) == {
        "mlflowSearchDatasets",
        "mlflowSearchRuns",
        "testMutation",
    }
