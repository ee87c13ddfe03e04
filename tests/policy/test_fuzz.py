"""Whatever the bytes: a policy or a PolicyError and nothing else; what is written reads back."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from venturalitica.core.labels import scalar
from venturalitica.core.policy import OPERATORS
from venturalitica.errors import PolicyError
from venturalitica.metrics.catalog import CATALOG
from venturalitica.policy import parse_policy
from venturalitica.policy.fields import name_fault, role_name_fault

QUIET = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def _read(data: bytes, filename: str = "model_policy.yaml") -> bool:
    """Whether it is a policy; fails on any exception but PolicyError."""
    try:
        policy = parse_policy(data, filename=filename)
    except PolicyError as error:
        problems = error.problems
    else:
        assert policy.controls
        assert policy.bytes == data
        return True
    assert problems
    assert all(problem.message and "\x1b" not in problem.message for problem in problems)
    return False


_BITS = (
    *(
        b"\n",
        b"  ",
        b"\t",
        b": ",
        b"- ",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"'",
        b"#",
        b",",
        b"\r",
        b"~",
    ),
    *(b"&a ", b"*a", b"!!x ", b"|", b">", b"%", b"@", b"? ", b"---\n", b"<<: ", b"\\u", b"0x"),
    *(b"null", b"true", b".nan", b"9" * 30, b"\xff", b"\x00", b"\xe2\x80\xa8"),
)


def _mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(5)
        if kind == 0 and at < len(changed):
            changed[at] = chance.randrange(256)
        elif kind == 1:
            del changed[at : at + chance.choice((1, 1, 2, 10, 40))]
        elif kind == 2:
            changed[at:at] = chance.choice(_BITS)
        elif kind == 3:
            other = chance.randrange(len(changed) + 1)
            changed[at:at] = changed[other : other + chance.randrange(40)]
        elif at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _small(good: str) -> str:
    """Enough of the policy to hold every kind of value, and quick to read."""
    return good[: good.index("  - id: approval-between")]


@pytest.mark.parametrize("seed", range(4))
def test_mutations_of_yaml(good: str, seed: int) -> None:
    chance = random.Random(seed)
    data = _small(good).encode()
    accepted = sum(_read(_mutated(data, chance)) for _ in range(300))
    assert 0 < accepted < 300


def test_mutations_of_json(good: str) -> None:
    from ruamel.yaml import YAML

    chance = random.Random(7)
    data = json.dumps(YAML(typ="safe", pure=True).load(good), indent=1).encode()
    accepted = sum(_read(_mutated(data, chance), "policy.json") for _ in range(500))
    assert 0 < accepted < 500


@QUIET
@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    assert not _read(data)
    assert not _read(data, "policy.json")


_SCALARS: Sequence[st.SearchStrategy[Any]] = (
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from([*CATALOG, "gender", "target", ">= 0.8", "<= inf", "between", "ratio", "drop"]),
)
_ANYTHING = st.recursive(
    st.one_of(*_SCALARS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["map", "bins"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_KEYS = (
    "id", "metric", "must", "title", "across", "compare", "groups", "of", "article", "on_fail",
    "min_support", "nulls", "phase", "remedy", "extra",
)  # fmt: skip


@QUIET
@given(
    st.fixed_dictionaries(
        {"policy": _ANYTHING, "version": _ANYTHING},
        optional={
            "roles": st.dictionaries(
                st.sampled_from(["target", "gender", "age", "model", "a b"]),
                st.dictionaries(st.sampled_from(["favorable", "map", "bins", "column"]), _ANYTHING),
                max_size=3,
            ),
            "controls": st.lists(
                st.dictionaries(st.sampled_from(_KEYS), _ANYTHING, max_size=8), max_size=3
            ),
            "nulls": _ANYTHING,
        },
    )
)
def test_any_structure(structure: dict[str, Any]) -> None:
    data = json.dumps(structure).encode()
    assert _read(data, "policy.json") == _read(data, "policy.yaml")


_names = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cf", "Co", "Cn", "Zl", "Zp"]),
    min_size=1,
    max_size=20,
).filter(lambda text: name_fault(text) is None)
_role_names = st.from_regex(r"[a-zé_][a-z0-9_]{3,10}", fullmatch=True).filter(
    lambda name: role_name_fault(name) is None and name not in ("target", "prediction", "score")
)
_labels = st.one_of(
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: abs(x) < 2**53),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@QUIET
@given(_labels)
def test_a_label_reads_back(label: Any) -> None:
    text = (
        f'policy: a\nversion: "1"\nroles: {{target: {{favorable: {scalar(label)}}}}}\n'
        f'controls: [{{id: a, metric: accuracy, must: ">= 0.5"}}]\n'
    )
    read = parse_policy(text.encode()).role("target").favorable
    assert read == label
    assert isinstance(read, bool) == isinstance(label, bool)
    assert isinstance(read, str) == isinstance(label, str)


@QUIET
@given(st.data())
def test_a_policy_reads_back(data: st.DataObject) -> None:
    name, version = data.draw(_names), data.draw(_names)
    role = data.draw(_role_names)
    mapping = data.draw(st.dictionaries(st.text(max_size=5), _names, min_size=1, max_size=4))
    ids = data.draw(st.lists(_names, min_size=1, max_size=4, unique=True))
    bounds = [data.draw(st.floats(0, 1)) for _ in ids]
    operators = [data.draw(st.sampled_from(OPERATORS)) for _ in ids]
    support = data.draw(st.integers(1, 10**9))
    controls = "".join(
        f"  - id: {scalar(one)}\n    metric: recall\n    across: {role}\n    compare: min\n"
        f'    must: "{operator} {bound!r}"\n'
        for one, operator, bound in zip(ids, operators, bounds, strict=True)
    )
    pairs = ", ".join(f"{scalar(key)}: {scalar(group)}" for key, group in mapping.items())
    text = (
        f"policy: {scalar(name)}\nversion: {scalar(version)}\nmin_support: {support}\n"
        f"roles:\n  {role}: {{map: {{{pairs}}}}}\ncontrols:\n{controls}"
    )
    policy = parse_policy(text.encode())
    assert (policy.name, policy.version) == (name, version)
    assert policy.roles[role].map == mapping
    assert [control.id for control in policy.controls] == ids
    assert [control.must.bound for control in policy.controls] == bounds
    assert [control.must.operator for control in policy.controls] == operators
    assert {control.min_support for control in policy.controls} == {support}
