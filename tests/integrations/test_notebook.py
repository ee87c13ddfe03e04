"""`%load_ext venturalitica` in a real IPython: `%%policy`, `%check`, and what a kernel shows."""

from __future__ import annotations

import atexit
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

import venturalitica as vl
from venturalitica.errors import BindingError, ControlBlocked, PolicyError, SettingsError
from venturalitica.integrations.notebook import Checks

POLICY = """\
policy: loans
version: "1"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.70"}
  - {id: parity, metric: demographic_parity_ratio, across: sex, must: ">= 0.80"}
"""
BLOCKING = POLICY.replace('">= 0.70"', '">= 0.99", on_fail: block')


@pytest.fixture(scope="module")
def ipython() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    yield shell
    atexit.unregister(shell.atexit_operations)
    shell.atexit_operations()
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(
    ipython: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> InteractiveShell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    ipython.reset(new_session=False)
    said = ipython.extension_manager.load_extension("venturalitica")
    if said == "already loaded":
        ipython.extension_manager.reload_extension("venturalitica")
    truth = [0, 1] * 200
    guess = [1, *truth[1:]]
    sex = ["f", "f", "m", "m"] * 100
    ipython.user_ns["df"] = pd.DataFrame({"y": truth, "p": guess, "sex": sex})
    return ipython


def cell(shell: InteractiveShell, text: str) -> Any:
    """What a cell gives; what it raises."""
    found = shell.run_cell(text)
    found.raise_error()
    return found.result


def test_a_cell_is_read_as_the_policy_of_the_session_and_writes_nothing(
    shell: InteractiveShell, tmp_path: Path
) -> None:
    policy = cell(shell, f"%%policy\n{POLICY}")
    assert isinstance(policy, vl.Policy)
    assert policy.bytes == POLICY.encode()
    assert shell.user_ns["policy"] is policy
    assert list(tmp_path.iterdir()) == []
    audit = cell(shell, "%check df target=y prediction=p sex=sex")
    assert isinstance(audit, vl.Audit)
    assert audit.policy.sha256 == policy.sha256
    assert audit.passed
    assert vl.verify().ok


def test_errors_name_the_lines_of_the_cell_and_bind_nothing(shell: InteractiveShell) -> None:
    wrong = POLICY.replace("metric: accuracy", "metric: acuracy").replace("policy:", "polcy:")
    with pytest.raises(PolicyError) as found:
        cell(shell, f"%%policy\n{wrong}")
    lines = [problem.line for problem in found.value.problems]
    named = [problem.file for problem in found.value.problems]
    assert set(named) == {"cell"}
    assert 5 in lines  # the control's line, where the magic's own is the first
    assert "accuracy" in str(found.value)
    assert "policy" not in shell.user_ns


def test_an_error_is_shown_in_its_words_without_our_traceback(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("%check nothing")
    said = capsys.readouterr()
    assert (
        "BindingError: expected the name of a table; this notebook has no 'nothing'"
        in said.out + said.err
    )
    assert "Traceback" not in said.out + said.err


def test_a_file_is_written_only_where_it_is_named_and_only_by_a_policy(
    shell: InteractiveShell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.yaml"
    with pytest.raises(PolicyError):
        cell(shell, "%%policy rules.yaml\npolicy: x\n")
    assert not path.exists()
    policy = cell(shell, f"%%policy rules.yaml\n{POLICY}")
    assert path.read_bytes() == POLICY.encode() == policy.bytes
    assert policy.filename == "rules.yaml"
    cell(shell, f"%%policy rules.yaml\n{BLOCKING}")
    assert path.read_bytes() == BLOCKING.encode()
    said = capsys.readouterr().out
    assert "wrote rules.yaml" in said
    assert "overwrote rules.yaml" in said
    with pytest.raises(SettingsError, match="cannot be written"):
        cell(shell, f"%%policy nowhere/rules.yaml\n{POLICY}")


def test_policy_by_option_is_a_name_or_a_file(shell: InteractiveShell, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(POLICY.replace("loans", "other"))
    shell.user_ns["mine"] = vl.read_policy(tmp_path / "other.yaml")
    cell(shell, f"%%policy\n{POLICY}")
    for option in ("--policy mine", "--policy=other.yaml", "--policy other.yaml"):
        audit = cell(shell, f"%check df {option} target=y prediction=p sex=sex --name weekly")
        assert audit.policy.name == "other"
    # Without a session's policy the project's is taken, as `vl.enforce` does.
    (tmp_path / "model_policy.yaml").write_text(POLICY.replace("loans", "project"))
    shell.extension_manager.reload_extension("venturalitica")
    assert cell(shell, "%check df target=y prediction=p sex=sex").policy.name == "project"


def test_a_role_is_a_column_or_a_name_of_the_notebook(shell: InteractiveShell) -> None:
    cell(shell, f"%%policy\n{POLICY}")
    shell.user_ns["guess"] = [0] * 400
    shell.user_ns["y"] = "not the column"
    audit = cell(shell, "%check df target=y prediction=guess sex=sex")
    assert audit["accuracy"].value == 0.5


def test_what_blocks_is_shown_and_raised(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("venturalitica.integrations.notebook.display", shown.append)
    cell(shell, f"%%policy\n{BLOCKING.replace('0.99', '0.999')}")
    with pytest.raises(ControlBlocked):
        cell(shell, "%check df target=y prediction=p sex=sex")
    assert [one.light for one in shown] == ["red"]
    assert vl.verify().ok


WRONG = {
    "": (SettingsError, "found 0 frames"),
    "df df": (SettingsError, "found 2 frames"),
    "dff target=y": (BindingError, "did you mean 'df'"),
    "df --polcy x": (SettingsError, "did you mean '--policy'"),
    "df --policy": (SettingsError, "--policy has no value"),
    "df target=y target=p": (SettingsError, "target is given twice"),
    "df --phase data --phase=model": (SettingsError, "--phase is given twice"),
    "df target= y": (SettingsError, "target= has no column"),
    "df --phase both": (BindingError, "phase"),
    "df target='y": (SettingsError, "No closing quotation"),
    "df trget=y prediction=p sex=sex": (BindingError, "trget"),
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_call_is_told(shell: InteractiveShell, line: str) -> None:
    kind, said = WRONG[line]
    cell(shell, f"%%policy\n{POLICY}")
    with pytest.raises(kind, match=said):
        cell(shell, f"%check {line}")


def test_each_value_is_shown_as_html(shell: InteractiveShell) -> None:
    policy = cell(shell, f"%%policy\n{POLICY}")
    audit = cell(shell, "%check df target=y prediction=p sex=sex")
    with vl.monitor("notebook", policy=policy) as run:
        vl.enforce(shell.user_ns["df"], target="y", prediction="p", sex="sex")
        under_way, _ = shell.display_formatter.format(run)
    for value in (policy, audit, run, vl.verify()):
        shown, _ = shell.display_formatter.format(value)
        assert shown["text/html"].startswith('<div class="vl vl-fragment">')
        assert len(shown["text/html"]) < 40_000
        assert "text/plain" in shown
    assert "Under way." in under_way["text/html"]
    assert "Under way." not in (run._repr_html_() or "")


def test_the_magics_explain_themselves() -> None:
    assert "%%policy [FILE]" in Checks.policy_cell.__doc__
    assert "%check FRAME" in Checks.check.__doc__


def test_importing_the_package_loads_no_ipython() -> None:
    code = "import venturalitica, sys; venturalitica.load_ipython_extension; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "IPython" not in done.stdout.split()


def test_a_notebook_runs_in_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    data = "import pandas as pd\ndf = pd.DataFrame({'y': [0, 1] * 99, 'p': [1, 1] + [0, 1] * 98, "
    cells = (
        "%load_ext venturalitica",
        f"{data}'sex': ['f', 'f', 'm'] * 66}})",
        f"%%policy model_policy.yaml\n{POLICY}",
        "%check df target=y prediction=p sex=sex",
        f"%%policy\n{POLICY.replace('accuracy, must', 'acuracy, must')}",
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    client = nbclient.NotebookClient(
        book, timeout=120, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [[dict(one) for one in made.outputs] for made in book.cells]
    policy, check = (
        [one["data"]["text/html"] for one in made if "data" in one] for made in outputs[2:4]
    )
    assert "loans 1" in policy[0]
    assert "Of 2 controls: 1 passed without being conclusive and 1 passed." in check[0]
    [wrong] = [one for one in outputs[4] if one["output_type"] == "error"]
    assert wrong["ename"] == "PolicyError"
    assert wrong["traceback"][0].startswith("PolicyError: cell:5: ")
    assert (tmp_path / "model_policy.yaml").read_text() == POLICY
