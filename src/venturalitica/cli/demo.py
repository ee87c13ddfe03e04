"""`venturalitica demo`: the loan scenario, for real, in a folder of its own.

The demo writes the files that a user would have (policy, data, ten-line script) and runs the script
in a fresh process, exactly as the user will. What it then prints is read back from the evidence.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    FAILED,
    PASSED,
    JsonOption,
    complain,
    emit_json,
    hint,
    leave,
    new_app,
    progress,
    say,
)
from venturalitica.core.origin import install_line
from venturalitica.errors import EvidenceError, MissingExtra, SettingsError

if TYPE_CHECKING:
    from venturalitica.core.verification import Verification
    from venturalitica.ledger import Entry, Ledger

app = new_app()

PATIENCE = 600
"""Seconds that the script may take; it takes half a minute on a slow machine."""
WITHOUT_TRACKER = "import venturalitica as vl; vl.quickstart('loan')"


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the demo's files; made if absent.")
    ] = Path("venturalitica-demo"),
    as_json: JsonOption = False,
) -> None:
    """Audit a loan model on real data, here, in a minute.

    Trains a random forest on the German Credit data inside a local MLflow run (without MLflow:
    in no tracker), judges it by a policy, signs the evidence, and verifies it. Needs no network and
    touches nothing outside the folder but your signing key. Exit status 0 if all of that worked,
    whatever the verdicts are: the policy is not quite met, which is the point.

    \b
    Example:
      venturalitica demo --out loan-demo
    """
    from venturalitica.review.verification import verify_source

    folder = _folder(out)
    home = folder / ".venturalitica"
    tracked = _has("mlflow") and _has("pandas")
    if not _has("sklearn"):
        raise MissingExtra("scikit-learn", "sklearn")
    hint(f"Training and auditing the loan model in {folder} ...")
    with progress("training and auditing (half a minute the first time)"):
        _train(folder, home, tracked=tracked)
    ledger, entry = _last_audit(home)
    verification = verify_source(home)
    if as_json:
        emit_json(facts(folder, ledger, entry, verification))
    else:
        _show(out, ledger, entry, verification, tracked=tracked)
    leave(PASSED if verification.ok else FAILED)


def facts(folder: Path, ledger: Ledger, entry: Entry, verification: Verification) -> dict[str, Any]:
    """What the demo left behind, as JSON."""
    from venturalitica.cli.record_view import facts as recorded

    return {"folder": str(folder), "verified": verification.ok, "run": recorded(ledger, entry)}


def _folder(out: Path) -> Path:
    from venturalitica.demo import copy_to

    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: that is a file; give a folder")
    copy_to(out)
    return out.resolve()


def _has(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def _train(folder: Path, home: Path, *, tracked: bool) -> None:
    command = ["train.py"] if tracked else ["-c", WITHOUT_TRACKER]
    try:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env=_environment(folder, home),
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EvidenceError(f"the demo's script did not end within {PATIENCE} s") from None
    if done.returncode:
        complain("the demo's script failed; this is the end of what it said:")
        hint(*done.stderr.strip().splitlines()[-15:])
        raise EvidenceError(f"python {command[0]} ended with status {done.returncode} in {folder}")


def _environment(folder: Path, home: Path) -> Mapping[str, str]:
    """The user's environment, with every place inside the demo's folder."""
    return {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")},
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "VENTURALITICA_HOME": str(home),
        "PYTHONWARNINGS": "ignore",
    }


def _last_audit(home: Path) -> tuple[Ledger, Entry]:
    from venturalitica.ledger import Ledger

    ledger = Ledger.open(home)
    for index in range(ledger.size - 1, -1, -1):
        entry = ledger.entry(index)
        if entry.record.kind == "audit":
            return ledger, entry
    raise EvidenceError(f"{home}: the demo left no audit on record")


def _show(
    out: Path, ledger: Ledger, entry: Entry, verification: Verification, *, tracked: bool
) -> None:
    from venturalitica.cli.record_view import show

    show(ledger, entry, titles=True)
    say()
    held = sum(step.ok is True for step in verification.steps)
    if verification.ok:
        say(f"verified: unchanged since it was signed ({held} checks held, none failed)")
    elif verification.fault is not None:
        say(f"NOT VERIFIED: {verification.fault.name}: {verification.fault.detail}")
    say()
    if entry.record.light == "red":
        say("Red is meant: this model does not quite meet its policy. Nothing went wrong.")
        say()
    say("Next, look around:")
    lines = [(way, _WHY[way.split()[0]]) for way in _ways_there(out)]
    if os.environ.get("VENTURALITICA_HOME"):
        lines.append(("unset VENTURALITICA_HOME", "it points to other evidence"))
    lines += _next_commands(entry, tracked=tracked)
    wide = max(len(command) for command, _ in lines)
    for command, why in lines:
        say(f"  {command:<{wide}}  # {why}")


_WHY = {"source": "so that the commands below are found", "cd": "the demo's own folder"}


def _ways_there(out: Path) -> Iterator[str]:
    """What to type first: the commands below must be found, also right after `make demo`."""
    ours = Path(sys.executable).parent
    found = shutil.which("venturalitica")
    activate = ours / "activate"
    if activate.is_file() and (found is None or Path(found).parent.resolve() != ours.resolve()):
        yield f"source {shlex.quote(str(_near(activate)))}"
    yield f"cd {shlex.quote(str(out))}"


def _near(path: Path) -> Path:
    """The path from here, if it is below; otherwise the whole."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _next_commands(entry: Entry, *, tracked: bool) -> list[tuple[str, str]]:
    run = entry.record.run.id[:12]
    commands = [
        (f"venturalitica runs show {run} --details", "all of the above, each group, the versions"),
        ("venturalitica verify", "has anybody changed the evidence?"),
        ("venturalitica check test.csv --phase data", "judge a file; here the data alone"),
        ("venturalitica policy show model_policy.yaml", "the rules, in words"),
    ]
    if _has("starlette"):
        commands.insert(0, ("venturalitica ui", "all of it in a browser"))
    if tracked:
        place = "mlflow ui --backend-store-uri sqlite:///mlflow.db"
        commands.append((place, "the run in MLflow, policy and evidence beside it"))
        commands.append(("cat train.py", "the script: two lines of it did this"))
    else:
        hint(f"With MLflow and pandas the run is tracked too: {install_line('all')}")
    return commands
