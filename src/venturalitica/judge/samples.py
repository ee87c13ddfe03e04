"""Counts in the shape a statistic takes, as measured and resampled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy

from venturalitica.judge.counted import Counted
from venturalitica.metrics.arrays import Floats, Integers, segment_sums
from venturalitica.metrics.intervals import Resampling
from venturalitica.metrics.registry import Shape

_INNER: dict[Shape, tuple[int, ...]] = {
    "chosen": (2,),
    "outcomes": (2, 2),
    "agreement": (2,),
    "rows": (),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One table as cells `(C,)`, and how cells become `(..., G, *shape)` counts.

    The same `expand` serves the measured cells and their replicates. `key` names the table.
    """

    cells: Integers
    expand: Callable[[Floats], Floats]
    key: str

    @property
    def seed(self) -> str:
        """The table's name and a digest of its counts, the same on every machine."""
        return f"{self.key}|{hashlib.sha256(self.cells.astype('<i8').tobytes()).hexdigest()}"

    def measured(self, statistic: Callable[[Floats], Floats]) -> Floats:
        """The statistic of the counts themselves, `(G,)`."""
        return statistic(self.expand(self.cells.astype(float)))

    def replicates(self, resampling: Resampling, statistic: Callable[[Floats], Floats]) -> Floats:
        """The statistic of each replicate, `(2000, G)`."""
        return resampling.each(lambda drawn: statistic(self.expand(drawn)))


def sample_of(counted: Counted, shape: Shape, *, favorable: int | None, key: str) -> Sample:
    """The cells in the shape asked; `favorable` is the index of the favorable label."""
    if shape == "classes":
        return _classes(counted, key)
    if shape == "labels":
        return _labels(counted, key)
    inner = _INNER[shape]
    return _dense(counted, _slots(counted, shape, favorable), inner, f"{shape}|{key}")


def _slots(counted: Counted, shape: Shape, favorable: int | None) -> Integers:
    """Where in the inner shape each cell belongs, `(C,)`."""
    indices = counted.indices
    if shape == "rows":
        return numpy.zeros(counted.counts.size, dtype=numpy.int64)
    if shape == "agreement":
        right: Integers = (indices[:, 0] == indices[:, 1]).astype(numpy.int64)
        return right
    chosen = (indices == favorable).astype(numpy.int64)
    first: Integers = chosen[:, 0]
    return first if shape == "chosen" else 2 * first + chosen[:, 1]


def _dense(counted: Counted, slots: Integers, inner: tuple[int, ...], key: str) -> Sample:
    size = int(numpy.prod(inner)) if inner else 1
    groups = counted.groups.size or 1
    cells: Integers = numpy.zeros(groups * size, dtype=numpy.int64)
    numpy.add.at(cells, counted.group * size + slots, counted.counts)
    return Sample(cells, lambda drawn: drawn.reshape(*drawn.shape[:-1], groups, *inner), key)


def _labels(counted: Counted, key: str) -> Sample:
    """Only labels that occur: a label that the predictions alone know is no class of the data."""
    present, slots = numpy.unique(counted.indices[:, 0], return_inverse=True)
    return _dense(counted, slots.astype(numpy.int64), (present.size,), f"labels|{key}")


def _classes(counted: Counted, key: str) -> Sample:
    """Sparse: with K labels there are up to K² cells, and sums by label are all that is needed."""
    labels = int(counted.indices.max()) + 1
    groups = counted.groups.size or 1
    target = counted.group * labels + counted.indices[:, 0]
    prediction = counted.group * labels + counted.indices[:, 1]
    right = numpy.flatnonzero(counted.indices[:, 0] == counted.indices[:, 1])
    size = groups * labels

    def expand(drawn: Floats) -> Floats:
        parts = [
            segment_sums(drawn[..., right], target[right], size),
            segment_sums(drawn, target, size),
            segment_sums(drawn, prediction, size),
        ]
        shaped = [part.reshape(*part.shape[:-1], groups, labels) for part in parts]
        return numpy.stack(shaped, axis=-2)

    return Sample(counted.counts, expand, f"classes|{key}")
