"""The rows of a training, known again when they are judged later: as keys, never as values."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from venturalitica.core.circumstances import Share
from venturalitica.core.redact import redacted_traceback

if TYPE_CHECKING:
    from venturalitica.tally.row_keys import RowKeys
    from venturalitica.tally.trained import Trained, Views

log = logging.getLogger(__name__)

CELLS = 40_000_000
"""Of very large tables the first features are compared, so many values in all."""
_FEATURES = 16
SMALL = 200_000
"""Tables of so many values are copied faster than they are compared."""
REMEMBERED = 16
"""Trainings of this process whose rows are known again when their model is judged later."""


class TrainingRows:
    """The rows of one training as keys, computed on a thread beside the training.

    A small table is copied instead, and its keys are computed when somebody asks for them.
    """

    def __init__(self, X: Any, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._found: tuple[Trained, Views] | None = None
        self._held: Any = None
        self._thread: threading.Thread | None = None
        if len(X) * len(self._names) <= SMALL:
            self._held = _held(X, deep=True)
            return
        # A daemon: a process that ends need not wait for what nobody will ask any more.
        self._thread = threading.Thread(
            target=self._compute,
            args=(_held(X, deep=False),),
            name="venturalitica-rows",
            daemon=True,
        )
        self._thread.start()

    def _compute(self, X: Any) -> None:
        from venturalitica.tally.trained import trained_rows, views_of

        names = self._names[: _width(X)]
        rows = _keys_or_none(X, names)
        if rows is not None:
            whole = trained_rows(rows, names)
            self._found = whole, views_of(rows, whole, partial(_keys_or_none, X))

    def share_of(self, data: Any) -> Share | None:
        """How many rows of `data` were trained on; None where that cannot be told."""
        from venturalitica.tally.trained import share_seen

        if self._thread is not None:
            self._thread.join()
        held = self._held
        if held is not None:
            self._compute(held)
            self._held = None
        if self._found is None:
            return None
        whole, views = self._found
        judged = _keys_or_none(data, whole.names)
        if judged is None:
            return None
        return share_seen(judged, whole, views, partial(_keys_or_none, data))


def _keys_or_none(data: Any, names: Sequence[str], digits: int | None = None) -> RowKeys | None:
    """A boundary: any library may fail here, and then nobody can say whose rows they are."""
    try:
        return keys_of(data, names, digits)
    except Exception as error:  # noqa: BLE001 - see the docstring
        log.info("rows could not be compared with those of a training")
        log.debug("why rows could not be compared\n%s", redacted_traceback(error))
        return None


def keys_of(data: Any, names: Sequence[str], digits: int | None = None) -> RowKeys | None:
    """Keys of the rows by those columns; None where one is missing or cannot be read."""
    import narwhals as nw

    from venturalitica.tally.engines.narwhals import light
    from venturalitica.tally.row_keys import DIGITS, row_keys

    places = places_of(data)
    if places:
        known = set(names) <= set(places)
        return (
            row_keys((data[:, int(n)] for n in names), near=True, digits=digits or DIGITS)
            if known
            else None
        )
    table = nw.from_native(data, pass_through=True)
    if not isinstance(table, nw.DataFrame | nw.LazyFrame):
        return None
    lazy = isinstance(table, nw.LazyFrame)
    if not set(names) <= set(table.collect_schema().names() if lazy else table.columns):
        return None
    # A lazy table's features were asked for by the model, too.
    table = table.select(names).collect() if isinstance(table, nw.LazyFrame) else table
    columns = (light(table.get_column(name)) for name in names)
    return row_keys(columns, near=True, digits=digits or DIGITS)


def places_of(data: Any) -> list[str]:
    """What the columns of an array are called here: their places. Empty for anything else."""
    import numpy as np

    array = isinstance(data, np.ndarray) and data.ndim == 2
    return [str(place) for place in range(data.shape[1])] if array else []


_recalled: dict[str, TrainingRows] = {}


def remember(model_sha256: str, rows: TrainingRows) -> None:
    """Know the rows again when a model of that digest is judged; of the last few trainings.

    Without a lock, which a child could find closed that was forked in this moment.
    """
    _recalled.pop(model_sha256, None)
    _recalled[model_sha256] = rows
    for oldest in list(_recalled)[:-REMEMBERED]:
        _recalled.pop(oldest, None)


def recall(model_sha256: str | None) -> TrainingRows | None:
    """The rows that the model of this digest was trained on, if it was trained here."""
    return _recalled.get(model_sha256) if model_sha256 else None


def _width(X: Any) -> int:
    return max(_FEATURES, CELLS // max(len(X), 1))


def _held(X: Any, *, deep: bool) -> Any:
    """The table as it is now: the training may write into a pandas frame, and its caller into
    any array; of a large one the keys are taken before that."""
    if hasattr(X, "iloc"):
        return X.copy(deep=deep)
    return X.copy() if deep and places_of(X) else X


def first_rows(rows: Any, most: int) -> tuple[Any, str]:
    """A copy of the first `most` rows, which nobody changes; else None and why there is none."""
    try:
        if hasattr(rows, "iloc"):
            return rows.iloc[:most].copy(), ""
        some = rows[:most]
        return some.copy() if hasattr(some, "copy") else some, ""
    except Exception as error:  # noqa: BLE001 - rows come in any form
        return None, f"the audited rows could not be kept ({type(error).__name__})"
