"""The pytest plugin: a test marked `policy` is one test item for each control of that policy.

    @pytest.mark.policy("model_policy.yaml")
    def test_loans(audit, loans):
        audit(loans, target="class", prediction="guess", gender="sex")

The body runs once in a session, in whatever process of pytest-xdist comes first: an audit that ran
for each control would be as many looks at the same data. What pytest loads in every session is
`_venturalitica_pytest`, beside this package; it comes here when it meets the mark or the fixture.
"""

from __future__ import annotations

import fcntl
import inspect
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from venturalitica.audit.result import Audit
    from venturalitica.core.policy import Policy


def controls(mark: pytest.Mark, metafunc: pytest.Metafunc) -> list[str]:
    """The controls of a marked test, in the order of the policy.

    Raises:
        CollectError: the mark or the policy is wrong; each problem with its file and line.
    """
    if "audit" not in inspect.signature(metafunc.function).parameters:
        raise pytest.Collector.CollectError(
            f"{metafunc.definition.nodeid} is marked {mark.name!r} and does not take the fixture "
            "'audit': nothing would be judged. Add the argument, and call it"
        )
    return [control.id for control in _policy(mark, metafunc.config).controls]


def _policy(mark: pytest.Mark, config: pytest.Config) -> Policy:
    from venturalitica.api import read_policy
    from venturalitica.errors import PolicyError

    if len(mark.args) != 1 or mark.kwargs or not isinstance(mark.args[0], str | os.PathLike):
        raise pytest.Collector.CollectError(
            f"@pytest.mark.{mark.name} takes one path, relative to {config.rootpath.name}/, such "
            f'as @pytest.mark.{mark.name}("model_policy.yaml")'
        )
    try:
        return read_policy(config.rootpath / mark.args[0])
    except PolicyError as error:
        raise pytest.Collector.CollectError(str(error)) from None


class Auditor:
    """What the fixture `audit` gives: `vl.enforce` under the policy of the mark, to be called once.

    `made` is the audit, None before the call.
    """

    def __init__(self, policy: Policy, folder: Path) -> None:
        self.policy = policy
        self.folder = folder
        self.made: Audit | None = None

    def __call__(self, data: Any = None, **arguments: Any) -> Audit:
        """Judge and record; takes what `vl.enforce` takes, but the policy.

        Returns:
            The `Audit`, also where a control blocks: its own item fails.
        """
        from venturalitica.api import enforce
        from venturalitica.errors import ControlBlocked

        if "policy" in arguments:
            raise TypeError("audit() takes no policy=: the test's mark names it, for each item")
        if self.made is not None:
            raise TypeError("audit() was called twice in one test: each item would have two ends")
        try:
            self.made = enforce(data, policy=self.policy, **arguments)
        except ControlBlocked as blocked:
            self.made = blocked.audit  # type: ignore[assignment]
        return self.made  # type: ignore[return-value]


def auditor(
    mark: pytest.Mark | None, config: pytest.Config, temporary: pytest.TempPathFactory
) -> Auditor:
    """What judges under the policy of a test's mark; without one the test fails."""
    if mark is None:
        pytest.fail('"audit" needs the mark: @pytest.mark.policy("model_policy.yaml")', False)
    folder = temporary.getbasetemp()
    # The workers of pytest-xdist have a folder each, in that of the session.
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    return Auditor(_policy(mark, config), shared)


def conclude(item: pytest.Function, control: str, *, parameter: str) -> None:
    """Ends the item of one control as its verdict did, with the sentence.

    Args:
        item: One of a marked test's.
        control: Its control.
        parameter: Which parameter of the item that is: the others tell audits apart.
    """
    outcome, sentence, evidence = _told(item, parameter)[control]
    item.user_properties += [("verdict", sentence), ("evidence_sha256", evidence)]
    if outcome == "skipped":
        pytest.skip(sentence)
    if outcome != "passed":
        pytest.fail(sentence, pytrace=False)


def _told(item: pytest.Function, parameter: str) -> dict[str, Any]:
    """What the one audit of a test told, by control: made here, or by whoever came first."""
    auditor = item.funcargs["audit"]
    assert isinstance(auditor, Auditor), "the fixture 'audit' is another's"
    others = sorted(pair for pair in item.callspec.indices.items() if pair[0] != parameter)
    name = json.dumps([item.parent and item.parent.nodeid, item.originalname, others])
    place = auditor.folder / f"venturalitica-{sha256(name.encode()).hexdigest()[:32]}"
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            try:
                _run(item)
                found = _verdicts(auditor)
            except (Exception, pytest.fail.Exception) as error:
                # Kept for the other items: they run no second audit, and none of them passes.
                why = f"The test ended before its verdicts: {type(error).__name__}: {error}"
                _keep(place, {one.id: ("error", why, "") for one in auditor.policy.controls})
                raise
            _keep(place, found)
        told: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return told


def _run(item: pytest.Function) -> None:
    wanted = inspect.signature(item.obj).parameters
    item.obj(**{name: item.funcargs[name] for name in wanted if name in item.funcargs})


def _keep(place: Path, told: dict[str, tuple[str, str, str]]) -> None:
    beside = place.with_suffix(".new")
    beside.write_text(json.dumps(told), encoding="utf-8")
    beside.replace(place)


def _verdicts(auditor: Auditor) -> dict[str, tuple[str, str, str]]:
    from venturalitica.core.record import Statement
    from venturalitica.core.verdict import left_out_sentence
    from venturalitica.reports.formats.findings import of_verdict

    controls, made = [one.id for one in auditor.policy.controls], auditor.made
    if made is None:
        never = "The test did not call audit(...): nothing was judged."
        return dict.fromkeys(controls, ("error", never, ""))
    if made.fault:
        unwritten = f"There is no evidence, it could not be written: {made.fault}"
        return dict.fromkeys(controls, ("error", unwritten, ""))
    digest, asked = made.evidence_sha256 or "", made.circumstances
    missing = ("error", "The audit gave no verdict of this control.", digest)
    told = dict.fromkeys(controls, missing)
    left = left_out_sentence(asked.phase, len(asked.left_out))
    told |= dict.fromkeys(asked.left_out, ("skipped", left, digest))
    # As recorded: an `Audit` in the process holds exact values, which no report may show.
    for verdict in Statement.of(made.statement).verdicts:
        one = of_verdict(verdict, file=auditor.policy.filename)
        lines = [f"{one.file}:{one.line}: {one.words}: {one.message}", one.title, one.rule]
        text = "\n".join(filter(None, (*lines, *one.details)))
        told[verdict.control] = (one.outcome, text, digest)
    return told
