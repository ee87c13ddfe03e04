"""Whether rows of their own, given to be judged, were trained on after all.

`audit_data=df` beside `X_train` judges the whole table: most of its rows were trained on, and a
figure on those flatters the model. Evidence that called them held out would be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from venturalitica.frameworks.labels import one_column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]

SAMPLE = 1_000
"""Rows of the audit that are looked for among those of the training."""
CLEARLY = 0.1
"""By how much rows must be found more often than training rows have doubles among themselves."""
MOSTLY = 0.5
"""Where so many are found and rows have as many doubles, nobody can say."""
_FEATURES = 16
_TEXTS = 200_000


def trained_on(X: Any, audit_data: Any, names: Sequence[str]) -> bool | None:
    """True where rows of `audit_data` are rows of `X`, None where that cannot be told.

    Args:
        names: feature columns that both tables have, n and m rows; the first 16 are compared.

    Rows repeat by chance where features have few values, so what counts is whether rows of the
    audit are found in `X` more often than `X` holds its own rows twice.
    """
    mine, theirs = _keys(X, names), _keys(audit_data, names)
    if mine is None or theirs is None:
        return None
    found = float((_times(_some(theirs), mine) > 0).mean())
    doubled = float((_times(_some(mine), mine) > 1).mean())
    if found > doubled + CLEARLY:
        return True
    return None if found > MOSTLY else False


def _some(keys: Keys) -> Keys:
    """About `SAMPLE` keys from all over the table."""
    return keys[:: max(1, keys.size // SAMPLE)]


def _times(wanted: Keys, among: Keys) -> NDArray[np.int64]:
    """How often each of a few keys occurs among many; the many are not sorted."""
    import numpy as np

    different, places = np.unique(wanted, return_inverse=True)
    near = np.minimum(np.searchsorted(different, among), different.size - 1)
    counts = np.bincount(near[different[near] == among], minlength=different.size)
    found: NDArray[np.int64] = counts[places]
    return found


def _keys(data: Any, names: Sequence[str]) -> Keys | None:
    """One number per row that is the same for the same values; None where nothing can be read."""
    import narwhals as nw
    import numpy as np

    table = nw.from_native(data)
    keys = np.zeros(len(table), dtype=np.uint64)
    read = 0
    for place, name in enumerate(names[:_FEATURES]):
        bits = _bits(one_column(table.get_column(name).to_native()))
        if bits is None:
            return None
        keys = (keys ^ bits) * np.uint64(0x9E3779B97F4A7C15 + 2 * place)
        keys ^= keys >> np.uint64(29)
        read += 1
    return keys if read and len(table) else None


def _bits(values: Any) -> Keys | None:
    """Numbers by their value (1 is 1.0), anything else by its text, which takes longer."""
    import numpy as np

    if values is None:
        return None
    if values.dtype.kind in "biuf":
        numbers: Keys = (values.astype(np.float64) + 0.0).view(np.uint64)
        return numbers
    if values.size > _TEXTS:
        return None
    texts = (hash(str(value)) % 2**64 for value in values.tolist())
    return np.fromiter(texts, dtype=np.uint64, count=values.size)
