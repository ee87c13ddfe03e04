"""What `doctor` and pages say of the project's policy file: there, readable, or wrong and where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.errors import PolicyError
from venturalitica.examination.finding import Finding

if TYPE_CHECKING:
    from venturalitica.settings import Settings


def policy_file(settings: Settings) -> Path | None:
    """The policy file of the project that is meant: in the working folder, if that is in it."""
    from venturalitica.settings import find_policy, working_folder

    root, here = settings.project_root, working_folder()
    return find_policy(here if here.is_relative_to(root) else root)


def policy(settings: Settings) -> Iterator[Finding]:
    """One finding where the file is absent or right, one for each problem where it is wrong."""
    from venturalitica.metrics.catalog import CATALOG
    from venturalitica.policy import lint, read_policy
    from venturalitica.settings import working_folder

    area, path = "Policy", policy_file(settings)
    if path is None:
        root, here = settings.project_root, working_folder()
        inside = here != root and here.is_relative_to(root)
        text = f"no model_policy.yaml in {f'{here} nor in {root}' if inside else root}"
        yield Finding(area, "policy", "note", text, "venturalitica init")
        return
    try:
        found = read_policy(path, vocabulary=CATALOG)
    except PolicyError as error:
        for problem in error.problems:
            yield Finding(area, "policy", "broken", str(problem), f"edit {path}")
        return
    count = len(found.controls)
    controls = "1 control" if count == 1 else f"{count} controls"
    for problem in lint(path, vocabulary=CATALOG).faults:
        yield Finding(area, "policy", "note", str(problem), f"edit {path}")
    yield Finding(area, "policy", "ok", f"{found.name} {found.version}, {controls}: {path}")
