"""Counting in the plainest way, for the tests of the metrics."""

from __future__ import annotations

from types import SimpleNamespace

import numpy
import pytest


def confusion_of(target, prediction, labels):
    """`(K, K)` counts by [target, prediction]."""
    counts = numpy.zeros((len(labels), len(labels)))
    for t, p in zip(target, prediction, strict=True):
        counts[labels.index(t), labels.index(p)] += 1
    return counts


def classes_of(confusion):
    """`(3, K)`: right, target, predicted."""
    return numpy.stack([numpy.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)])


def scored_of(target, score):
    """`(2, S)` counts and `(S,)` levels of 0/1 targets and their scores."""
    levels = sorted(set(score))
    counts = numpy.zeros((2, len(levels)))
    for t, s in zip(target, score, strict=True):
        counts[t, levels.index(s)] += 1
    return counts, numpy.array(levels)


@pytest.fixture(scope="session")
def count() -> SimpleNamespace:
    return SimpleNamespace(confusion=confusion_of, classes=classes_of, scored=scored_of)
