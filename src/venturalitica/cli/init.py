"""`venturalitica init`: the files that a project needs to start, fitted to its data."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import SeparatorOption, hint, new_app, progress, say
from venturalitica.errors import BindingError, SettingsError, did_you_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from venturalitica.core.origin import Origin
    from venturalitica.policy.template import ColumnFacts, Kind

POLICY = "model_policy.yaml"
ENV = ".env.example"
IGNORE = ".gitignore"
IGNORED = (".env", ".venturalitica/", "signing_key*.pem")
IGNORE_REMARK = (
    "# venturalitica: secrets, and evidence, whose log two branches cannot both go on with"
)
NOT_IN_GIT = (
    ".venturalitica does not belong in git: it is a log that only grows, which branches cannot",
    "merge, and its vault may hold personal values. Back the folder up, and hand over bundles;",
    f"{POLICY} and the workflow do belong in git.",
)

app = new_app()


@app.command()
def init(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            help="A data file (CSV, Parquet, Arrow) whose columns the policy fits.",
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of the true labels in DATA.")
    ] = None,
    separator: SeparatorOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
) -> None:
    """Write a commented policy, an example .env and a CI workflow into this folder.

    Lines are added to .gitignore, so that keys and evidence stay out of the repository. Of DATA
    only the columns' names, kinds and few distinct values are used, and only locally. What exists
    is kept, unless --force is given.

    \b
    Examples:
      venturalitica init
      venturalitica init loans.csv --target class
    """
    from venturalitica.core.origin import origin
    from venturalitica.review.health.ci import WORKFLOW

    if target is not None and data is None:
        raise SettingsError("--target names a column of DATA: give the data file as well")
    if Path(POLICY).exists() and not force:
        raise SettingsError(f"{POLICY} exists and is kept; --force overwrites it")
    texts = {
        POLICY: _policy(data, target, separator),
        ENV: ENV_TEXT,
        WORKFLOW: workflow_text(origin()),
    }
    for name, text in texts.items():
        _write(Path(name), text, force)
    _ignore(Path(IGNORE))
    columns = "--prediction COLUMN" if target else "--target COLUMN --prediction COLUMN"
    hint(
        f"Next: edit {POLICY}: uncomment the roles whose groups to compare, such as gender,",
        "      and a control 'across' them; then 'venturalitica policy lint'; in training",
        "      'model = vl.wrap(model)' before 'fit', or of predictions in a file",
        f"      'venturalitica check FILE {columns}'",
        f"For CI: {WORKFLOW} says which line your requirements.txt needs",
        *NOT_IN_GIT,
    )


def _write(path: Path, text: str, force: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        hint(f"kept {path} (it exists; --force overwrites it)")
    else:
        say(f"wrote {path}")


def _ignore(path: Path) -> None:
    """Add what is missing to `.gitignore`; what stands there is never overwritten."""
    present = path.read_bytes() if path.exists() else b""
    known = {line.strip().strip("!/") for line in present.decode("utf-8", "replace").splitlines()}
    missing = [line for line in IGNORED if line.strip("/") not in known]
    if not missing:
        hint(f"kept {path} (it has what is needed)")
        return
    end = b"\r\n" if b"\r\n" in present else b"\n"
    gap = b"" if not present or present.endswith(b"\n") else end
    lines = [line.encode() for line in (IGNORE_REMARK, *missing)]
    with path.open("ab") as file:
        file.write(gap + end.join(lines) + end)
    say(f"{'added to' if present else 'wrote'} {path}: {', '.join(missing)}")


def _policy(data: Path | None, target: str | None, separator: str | None) -> str:
    from venturalitica.policy.fields import name_fault
    from venturalitica.policy.template import policy_template

    folder = Path.cwd().name
    name = folder if name_fault(folder) is None else "my-model"
    if data is None:
        return policy_template(name=name)
    columns = _columns(data, separator)
    known = [column.name for column in columns if column.name]
    if target is not None and target not in known:
        raise BindingError(
            f"{data} has no column '{target}'{did_you_mean(target, known)} "
            f"(it has: {', '.join(known[:30])})"
        )
    return policy_template(name=name, columns=columns, target=target)


def _columns(data: Path, separator: str | None) -> Sequence[ColumnFacts]:
    """What the template needs of each column; of a CSV file each is typed alone."""
    from venturalitica.cli.reading.data_files import read_table

    with progress(f"reading {data}"):
        table = read_table([data], separator=separator)
        table.read(list(table))
        return [_facts(name, values) for name, values in table.items()]


def _facts(name: str, values: NDArray[Any]) -> ColumnFacts:
    from venturalitica.policy.template import FEW, ColumnFacts, guess_of, quartiles

    kind = _kind(values)
    if kind == "other":
        return ColumnFacts(name, kind, 0)
    # NaN differs from itself; what is infinite bounds nothing.
    unique = {value for value in values.tolist() if value is not None and value == value}
    if kind == "number":
        unique = {value for value in unique if abs(value) != float("inf")}
    few = tuple(sorted(unique)) if len(unique) <= FEW else ()
    if kind != "number" or not unique:
        return ColumnFacts(name, kind, len(unique), few)
    low, high = float(min(unique)), float(max(unique))
    numbers = [float(v) if isinstance(v, Decimal) else v for v in values.tolist()]
    shape = quartiles(numbers), guess_of(numbers)
    return ColumnFacts(name, kind, len(unique), few, low, high, *shape)


def _kind(values: NDArray[Any]) -> Kind:
    if values.dtype.kind != "O":
        kinds: dict[str, Kind] = {"b": "boolean", "i": "number", "u": "number", "f": "number"}
        return kinds.get(values.dtype.kind, "other")
    types = {type(value) for value in values.tolist() if value is not None}
    if types <= {str}:
        return "text"
    if types == {bool}:
        return "boolean"
    return "number" if types <= {int, Decimal} else "other"


ENV_TEXT = """\
# Copy to .env and fill in what you use. Only WANDB_*, MLFLOW_* and VENTURALITICA_* keys are read
# from it, and only those that the environment does not have already. Never commit .env.

# Where runs are tracked (one, both or none):
# MLFLOW_TRACKING_URI=http://127.0.0.1:5000
# MLFLOW_TRACKING_TOKEN=
# WANDB_API_KEY=
# WANDB_PROJECT=
# WANDB_MODE=offline

# Where evidence is kept (default: .venturalitica in the project's root):
# VENTURALITICA_HOME=

# The signing key: a file, or the PEM text itself (default: made on first use, for this user):
# VENTURALITICA_SIGNING_KEY=
"""

_WORKFLOW = """\
# Checks the policy on every push; with your data, judges by it and keeps the evidence.
name: venturalitica

on:
  push:
  pull_request:

permissions:
  contents: read

jobs:
  policy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      # What your project installs. This line belongs in it:
      # {requirement}
      - run: pip install -r requirements.txt
      - run: venturalitica policy lint model_policy.yaml
      # Judge predictions that an earlier step has written. Exit status 1: a control failed;
      # 3: something was not evaluated. Keep the text of a key as the repository's secret, or each
      # job signs with a key of its own that nobody knows. To make one:
      #   openssl ecparam -name prime256v1 -genkey -noout -out signing_key.pem
      # - run: venturalitica check predictions.csv --target label --prediction predicted
      #   env:
      #     VENTURALITICA_SIGNING_KEY: ${{ secrets.VENTURALITICA_SIGNING_KEY }}
      # - run: venturalitica verify
      #   if: always()
      # - uses: actions/upload-artifact@v4
      #   if: always()
      #   with:
      #     name: evidence
      #     path: .venturalitica
      #     include-hidden-files: true
      #     if-no-files-found: error
"""

_SOMEWHERE = """\
venturalitica[all] @ git+https://HOST/OWNER/REPOSITORY@COMMIT
      # with the address of its repository: this copy came from a folder of one machine, or from
      # nowhere known, and on the package index the name is another project's."""


def workflow_text(source: Origin) -> str:
    """The CI workflow, which names where `source` can be installed from on other machines."""
    return _WORKFLOW.replace("{requirement}", source.requirement("all") or _SOMEWHERE)
