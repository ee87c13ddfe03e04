"""What pytest loads in every session of an environment that has this package.

It stands beside the package, as Hypothesis's own does: whatever is in it brings `import
venturalitica`, which reads the project's `.env`. A session that uses neither the mark nor the
fixture reads nothing of the project, and of ours no other file; the plugin itself is
`venturalitica.integrations.pytest_plugin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from venturalitica.integrations.pytest_plugin import Auditor

MARK = "policy"
CONTROL = "venturalitica_control"
"""The parameter that makes an item of each control; no test takes it as an argument."""


def pytest_configure(config: pytest.Config) -> None:
    """Makes the mark known, also under `--strict-markers`."""
    config.addinivalue_line(
        "markers", f"{MARK}(path): one item for each control of a policy; needs fixture `audit`"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each control of a marked test, in the order of the policy."""
    mark = metafunc.definition.get_closest_marker(MARK)
    if mark is not None:
        from venturalitica.integrations.pytest_plugin import controls

        names = controls(mark, metafunc)
        metafunc.fixturenames.append(CONTROL)
        metafunc.parametrize(CONTROL, names, ids=names)


@pytest.fixture
def audit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Auditor:
    """Judges under the policy of the test's mark, as `vl.enforce` does."""
    from venturalitica.integrations.pytest_plugin import auditor

    return auditor(request.node.get_closest_marker(MARK), request.config, tmp_path_factory)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """The item of one control: passes where its verdict did, and says the sentence either way."""
    # Not `funcargs`: pytest fills in only what the test takes as an argument.
    control = getattr(getattr(pyfuncitem, "callspec", None), "params", {}).get(CONTROL)
    if control is None:
        return None
    from venturalitica.integrations.pytest_plugin import conclude

    conclude(pyfuncitem, control, parameter=CONTROL)
    return True
