"""Certify an MLOps stack without replacing it.

    import venturalitica as vl

    with mlflow.start_run():
        model = vl.wrap(RandomForestClassifier(), policy="model_policy.yaml")
        model.fit(X_train, y_train, audit_data=train_df, gender="Attribute9", age="Attribute13")

Parts: `wrap` and `unwrap` govern a model; `monitor` records a run; `enforce` judges data or a model
against a policy; `read_policy` reads one; `verify` checks evidence from files alone, `verify_model`
that a model's files were let through; `quickstart` runs the loan scenario that ships in the
package. What they give is named here too: `Audit`, `Verdict`, `Policy`, `Run`, `Verification`, and
the errors.

Importing this package reads one file, `.env` of the working folder, else of the project root (see
`venturalitica.system.settings`), writes nothing and loads no data, model or tracking library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from venturalitica._version import __version__
from venturalitica.core.concise import drawers
from venturalitica.system.settings import load_dotenv

if TYPE_CHECKING:
    from venturalitica.api import enforce, read_policy, verify, verify_model
    from venturalitica.audit.monitor import monitor
    from venturalitica.audit.result import Audit
    from venturalitica.audit.run import Run
    from venturalitica.core.policy import Policy
    from venturalitica.core.verdict import Interval, Verdict
    from venturalitica.core.verification import Verification
    from venturalitica.demo import quickstart
    from venturalitica.errors import (
        BindingError,
        ControlBlocked,
        DataError,
        EvidenceError,
        EvidenceWaiting,
        MissingExtra,
        PolicyError,
        RetiredKeyError,
        SettingsError,
        SignerError,
        SigningKeyError,
        TrackerError,
        TrackerUnreachable,
        VenturaliticaError,
    )
    from venturalitica.wrapping import unwrap, wrap

_HOMES = {
    "Audit": "audit.result",
    "BindingError": "errors",
    "ControlBlocked": "errors",
    "DataError": "errors",
    "EvidenceError": "errors",
    "EvidenceWaiting": "errors",
    "Interval": "core.verdict",
    "MissingExtra": "errors",
    "Policy": "core.policy",
    "PolicyError": "errors",
    "RetiredKeyError": "errors",
    "Run": "audit.run",
    "SettingsError": "errors",
    "SignerError": "errors",
    "SigningKeyError": "errors",
    "TrackerError": "errors",
    "TrackerUnreachable": "errors",
    "VenturaliticaError": "errors",
    "Verdict": "core.verdict",
    "Verification": "core.verification",
    "enforce": "api",
    "monitor": "audit.monitor",
    "quickstart": "demo",
    "read_policy": "api",
    "unwrap": "wrapping",
    "verify": "api",
    "verify_model": "api",
    "wrap": "wrapping",
}

__all__ = [
    "Audit",
    "BindingError",
    "ControlBlocked",
    "DataError",
    "EvidenceError",
    "EvidenceWaiting",
    "Interval",
    "MissingExtra",
    "Policy",
    "PolicyError",
    "RetiredKeyError",
    "Run",
    "SettingsError",
    "SignerError",
    "SigningKeyError",
    "TrackerError",
    "TrackerUnreachable",
    "VenturaliticaError",
    "Verdict",
    "Verification",
    "__version__",
    "enforce",
    "monitor",
    "quickstart",
    "read_policy",
    "unwrap",
    "verify",
    "verify_model",
    "wrap",
]

load_dotenv()


def _drawn(value: object) -> str:
    from venturalitica.reports.html.notebook import fragment

    return fragment(value)


drawers[:] = [_drawn]


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext venturalitica` calls: `%%policy` and `%check` are there then."""
    from venturalitica.integrations.notebook import load

    load(shell)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
