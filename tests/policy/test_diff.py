"""How two policies differ: by rule, with the direction held against sampled values, and by text."""

from __future__ import annotations

import difflib
import math
import random
import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from venturalitica.core.policy import OPERATORS, Control, Policy, Role, SmallGroups, Threshold
from venturalitica.policy import parse_policy
from venturalitica.policy.changes import Aspect, Change, PolicyDiff, compare_thresholds
from venturalitica.policy.diff import MOST_LINES, NO_NEWLINE, diff, unified

QUIET = settings(max_examples=120, deadline=None, derandomize=True)
OPPOSITE = {"loosened": "tightened", "tightened": "loosened", "added": "removed"}
OPPOSITE |= {"removed": "added"}


def policy(*controls: Control, version: str = "1", data: bytes = b"", **settings: Any) -> Policy:
    made: dict[str, Any] = {
        "name": "credit",
        "version": version,
        "bytes": data or version.encode(),
    } | settings
    return Policy(controls=controls, **made)


def control(name: str = "a", **settings: Any) -> Control:
    rule: dict[str, Any] = {"id": name, "metric": "accuracy", "must": Threshold(">=", 0.8)}
    return Control(**rule | settings)


def one(before: Control, after: Control, **settings: Any) -> Change:
    """The only change between two policies of one control."""
    found = diff(policy(before), policy(after), **settings)
    (change,) = found.changes
    return change


def read(text: str) -> Policy:
    return parse_policy(text.encode())


# Thresholds: the oracle asks `holds`, value by value.

_bounds = st.integers(-4, 4).map(lambda n: n / 4)
_thresholds = st.builds(Threshold, st.sampled_from(OPERATORS), _bounds)
VALUES = [n / 16 for n in range(-40, 41)] + [math.inf, -math.inf]


def _oracle(old: Threshold, new: Threshold, values: list[float]) -> str:
    before = {value for value in values if old.holds(value)}
    after = {value for value in values if new.holds(value)}
    if before == after:
        return "reworded"
    return "tightened" if after < before else "loosened" if before < after else "changed"


@QUIET
@given(_thresholds, _thresholds)
def test_tightened_means_that_what_passes_now_passed_before(old: Threshold, new: Threshold) -> None:
    assert compare_thresholds(old, new) == _oracle(old, new, VALUES)


@pytest.mark.parametrize("near", [0.0, 3e-13, 9e-13, 1.1e-12, 1.9e-12, 2.1e-12, 1e-11])
def test_thresholds_are_compared_with_the_tolerance_of_the_judge(near: float) -> None:
    values = [0.8 + step * 5e-14 for step in range(-100, 300)] + [0.0, 1.0]
    for first, second in product(OPERATORS, OPERATORS):
        old, new = Threshold(first, 0.8), Threshold(second, 0.8 + near)
        assert compare_thresholds(old, new) == _oracle(old, new, values), (old, new)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (">= 0.80", ">= 0.75", "loosened"),
        (">= 0.80", "> 0.80", "tightened"),
        ("<= 0.10", "<= 0.05", "tightened"),
        ("< 0.10", "<= 0.10", "loosened"),
        (">= 0.80", "<= 0.80", "changed"),
        ("!= 0.5", "> 0.5", "tightened"),
        ("== 0.5", "!= 0.25", "loosened"),
        ("!= 0.5", ">= 0.5", "changed"),
        (">= 0.80", ">= 0.80 surely", "tightened"),
        (">= 0.80 surely", ">= 0.80", "loosened"),
        (">= 0.80", ">= 0.85 surely", "tightened"),
        (">= 0.80", ">= 0.75 surely", "changed"),
        (">= 0.80 surely", ">= 0.75 surely", "loosened"),
    ],
)
def test_thresholds_in_a_policy(good: str, old: str, new: str, kind: str) -> None:
    before = read(good.replace(">= 0.70", old))
    found = diff(before, read(good.replace(">= 0.70", new)))
    assert [(c.place, c.name, c.kind) for c in found.changes] == [("control", "accuracy", kind)]
    (aspect,) = found.changes[0].aspects
    assert (aspect.key, aspect.old, aspect.new) == ("must", old, new)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ({}, {"level": 0.99}, "tightened"),
        ({"level": 0.99}, {"level": 0.9}, "loosened"),
        ({}, {"joint": True}, "tightened"),
        ({"joint": True}, {}, "loosened"),
        ({"joint": True}, {"level": 0.99}, "changed"),
    ],
)
def test_the_level_of_intervals(old: dict[str, Any], new: dict[str, Any], kind: str) -> None:
    before, after = policy(control(), **old), policy(control(), version="2", **new)
    (change,) = diff(before, after).changes
    assert (change.place, change.kind) == ("policy", kind)
    assert {a.key for a in change.aspects} - {"version"} <= {"intervals.level", "intervals.joint"}


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (None, ("exclude", 30), "loosened"),
        (None, ("pool", 30), "loosened"),
        (("pool", 30), ("exclude", 30), "loosened"),
        (("pool", 30), ("exclude", 20), "changed"),
        (("exclude", 30), ("exclude", 20), "tightened"),
        (("exclude", 30), None, "tightened"),
        (("exclude", 20), ("pool", 30), "changed"),
    ],
)
def test_small_groups(old: Any, new: Any, kind: str) -> None:
    rules = [control(small_groups=rule and SmallGroups(*rule)) for rule in (old, new)]
    change = one(*rules)
    assert (change.kind, [aspect.key for aspect in change.aspects]) == (kind, ["small_groups"])


def test_surely_says_what_it_changes(good: str) -> None:
    before = read(good)
    found = diff(before, read(good.replace(">= 0.70", ">= 0.70 surely")))
    (aspect,) = found.changes[0].aspects
    assert "the whole interval must meet it, before the value alone" in aspect.note


def test_a_bound_written_otherwise_is_the_same_rule(good: str) -> None:
    found = diff(read(good), read(good.replace(">= 0.70", ">= 7e-1")))
    assert found.changes == ()
    assert not found.same_text
    assert found.summary == "the same rules, in another text"


@pytest.mark.parametrize(
    ("key", "old", "new", "kind"),
    [
        ("on_fail", "warn", "block", "tightened"),
        ("on_fail", "block", "record", "loosened"),
        ("on_fail", "record", "warn", "tightened"),
        ("min_support", 10, 50, "tightened"),
        ("min_support", 50, 10, "loosened"),
        ("nulls", "refuse", "drop", "loosened"),
        ("nulls", "drop", "refuse", "tightened"),
        ("metric", "accuracy", "recall", "changed"),
        ("phase", None, "data", "changed"),
        ("phase", None, "model", "reworded"),
        ("title", "", "Words", "reworded"),
        ("article", None, "15(1)", "reworded"),
        ("remedy", "Try", "Try again", "reworded"),
    ],
)
def test_each_key_has_its_direction(key: str, old: Any, new: Any, kind: str) -> None:
    change = one(control(**{key: old}), control(**{key: new}))
    assert (change.kind, [aspect.key for aspect in change.aspects]) == (kind, [key])


@pytest.mark.parametrize(("looser", "kind"), [(True, "loosened"), (False, "tightened")])
def test_expecting_copies_is_looser(good: str, looser: bool, kind: str) -> None:
    texts = [good, good.replace("roles:", "duplicates: expected\nroles:", 1)]
    old, new = map(read, texts if looser else texts[::-1])
    found = diff(old, new)
    assert [(c.place, c.kind) for c in found.changes] == [("policy", kind)]
    assert found.direction == kind
    assert found.changes[0].aspects[0].key == "duplicates"
    assert found.summary == f"the whole {kind}"


def test_what_points_both_ways_is_changed_and_each_aspect_says_its_own() -> None:
    after = control(must=Threshold(">=", 0.7), on_fail="block", title="Words")
    change = one(control(), after)
    assert change.kind == "changed"
    assert {a.key: a.direction for a in change.aspects} == {
        "must": "loosened",
        "on_fail": "tightened",
        "title": "reworded",
    }


def test_a_threshold_of_another_measure_has_no_direction() -> None:
    change = one(control(), control(metric="recall", must=Threshold(">=", 0.9)))
    assert {a.key: a.direction for a in change.aspects} == {"metric": "changed", "must": "changed"}


def test_more_roles_crossed_is_changed_and_another_order_is_not() -> None:
    gender: dict[str, Any] = {"metric": "recall", "compare": "min", "across": ("gender",)}
    both = gender | {"across": ("gender", "age")}
    change = one(control(**gender), control(**both))
    assert (change.kind, change.aspects[0].note) == ("changed", "more and smaller groups")
    assert one(control(**both), control(**both | {"across": ("age", "gender")})).kind == "reworded"
    between = both | {"compare": "between", "groups": ("a × b", "c × d")}
    turned = between | {"across": ("age", "gender")}
    assert one(control(**between), control(**turned)).kind == "changed"


def test_groups_that_change_places_ask_something_else() -> None:
    settings: dict[str, Any] = {"metric": "recall", "compare": "between", "across": ("gender",)}
    before = control(**settings, groups=("female", "male"))
    assert one(before, control(**settings, groups=("male", "female"))).kind == "changed"


def test_one_rule_written_in_two_ways_is_one() -> None:
    before = control(metric="selection_rate", compare="ratio", across=("gender",))
    after = control(metric="demographic_parity_ratio", across=("gender",))
    assert one(before, after).kind == "reworded"
    assert one(before, replace(after, must=Threshold(">=", 0.9))).kind == "tightened"


# Controls that come, go, and change their names.


def test_a_rule_less_loosens_and_a_rule_more_tightens() -> None:
    found = diff(policy(control("a")), policy(control("a"), control("b", metric="f1")))
    assert [(c.kind, c.direction, c.name) for c in found.changes] == [("added", "tightened", "b")]
    assert found.changes[0].rule == "f1 must be >= 0.8; warns"
    assert found.direction == "tightened"
    back = diff(policy(control("a"), control("b", metric="f1")), policy(control("a")))
    assert [(c.kind, c.direction) for c in back.changes] == [("removed", "loosened")]


def test_the_same_rule_under_another_id_is_renamed() -> None:
    found = diff(policy(control("a"), control("b")), policy(control("c", title="T"), control("b")))
    (change,) = found.changes
    assert (change.kind, change.old_name, change.name) == ("renamed", "a", "c")
    assert [aspect.key for aspect in change.aspects] == ["id", "title"]
    assert found.direction == "same"


def test_another_rule_under_another_id_is_a_rule_less_and_a_rule_more() -> None:
    found = diff(policy(control("a")), policy(control("c", must=Threshold(">=", 0.5))))
    assert [(c.kind, c.name) for c in found.changes] == [("removed", "a"), ("added", "c")]
    assert found.direction == "changed"


def test_of_several_alike_the_words_decide_which_was_renamed() -> None:
    old = policy(control("a", title="One"), control("b", title="Two"))
    new = policy(control("y", title="One"), control("x", title="Two"))
    assert {(c.old_name, c.name) for c in diff(old, new).changes} == {("a", "y"), ("b", "x")}


# Roles.


def test_listed_labels_tighten() -> None:
    rule = control("right")
    ways = {
        "tightened": (None, (1, 2)),
        "loosened": ((1, 2), (1, 2, 3)),
        "changed": ((1, 2), (1, 3)),
    }
    for way, (before, after) in ways.items():
        old = policy(rule, roles={"target": Role("target", labels=before)})
        new = policy(rule, roles={"target": Role("target", labels=after)})
        found = diff(old, new)
        assert {change.kind for change in found.changes} == {way}
        assert found.changes[1].affects == ("right",)
        opposite = OPPOSITE.get(way, way)
        assert {change.kind for change in diff(new, old).changes} == {opposite}
    same = Role("target", labels=(1, 2)), Role("target", labels=(2, 1))
    assert not diff(*(policy(rule, roles={"target": role}) for role in same)).changes


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ({"map": {"A91": "male", "A92": "female"}}, {"map": {"A91": "male"}}, "map"),
        ({"map": {1: "x"}}, {"map": {True: "x"}}, "map"),
        ({"bins": (25.0, 60.0)}, {"bins": (30.0, 60.0)}, "bins"),
        ({"column": "a"}, {"column": "b"}, "column"),
        ({}, {"bins": (25.0,)}, "bins"),
    ],
)
def test_a_role_that_is_read_otherwise_changes_the_rules_that_use_it(
    before: Any, after: Any, key: str
) -> None:
    rule = control("gap", metric="recall", compare="min", across=("group",))
    tighter = replace(rule, must=Threshold(">=", 0.9))
    old = policy(rule, control("other"), roles={"group": Role("group", **before)})
    new = policy(tighter, control("other"), roles={"group": Role("group", **after)})
    found = diff(old, new)
    gap, role = found.changes
    assert (role.place, role.name, role.kind, role.affects) == (
        "role",
        "group",
        "changed",
        ("gap",),
    )
    assert [aspect.key for aspect in role.aspects] == [key]
    # Its threshold alone was tightened; but of other groups, so nobody can say so of the rule.
    assert (gap.name, gap.kind) == ("gap", "changed")
    assert [aspect.direction for aspect in gap.aspects] == ["tightened", "changed"]


def test_a_map_says_which_values_moved() -> None:
    old = policy(control(), roles={"g": Role("g", map={"A": "x", "B": "y", "C": "x"})})
    new = policy(control(), roles={"g": Role("g", map={"A": "y", "B": "y", "D": "x"})})
    (change,) = diff(old, new).changes
    assert change.aspects[0].note == "'A': y, was x; 'C': no group, was x; 'D': x, was no group"


def test_a_map_in_another_order_and_an_empty_role_change_nothing() -> None:
    old = policy(control(), roles={"g": Role("g", map={"A": "x", "B": "y"})})
    new = policy(
        control(), roles={"g": Role("g", map={"B": "y", "A": "x"}), "h": Role("h", line=7)}
    )
    (change,) = diff(old, new).changes
    assert (change.name, change.kind, change.affects) == ("h", "reworded", ())


def test_the_favorable_label_reaches_the_rules_that_need_it() -> None:
    rules = [control("acc"), control("rows", metric="row_count"), control("rec", metric="recall")]
    rules.append(control("all", metric="completeness"))
    old = policy(*rules, roles={"target": Role("target", favorable=1)})
    new = policy(*rules, roles={"target": Role("target", favorable=True)})
    role = next(c for c in diff(old, new).changes if c.place == "role")
    assert role.affects == ("acc", "all", "rec")


# The whole.


def test_the_head() -> None:
    found = diff(policy(control()), policy(control(), version="2", title="T"))
    (change,) = found.changes
    assert (change.place, change.kind) == ("policy", "reworded")
    assert [aspect.key for aspect in change.aspects] == ["version", "title"]
    (renamed,) = diff(policy(control()), policy(control(), version="2", name="loans")).changes
    assert (renamed.kind, renamed.old_name, renamed.name) == ("renamed", "credit", "loans")


def test_one_version_over_two_texts_is_a_fault_with_both_digests(good: str) -> None:
    old, new = read(good), read(good + "# a comment\n")
    found = diff(old, new)
    assert found.changes == ()
    (fault,) = found.faults
    assert fault.startswith("one version, two texts: credit-scoring 1.2 is sha256")
    assert old.sha256 in fault
    assert new.sha256 in fault
    assert diff(old, read(good.replace('"1.2"', '"1.3"'))).faults == ()


def test_one_text_under_two_names_or_with_two_sets_of_rules_is_a_fault() -> None:
    old = policy(control(), data=b"same")
    (fault,) = diff(old, policy(control(), version="2", data=b"same")).faults
    assert fault.startswith("one text, two names")
    (fault,) = diff(old, policy(control("b", metric="f1"), data=b"same")).faults
    assert fault.startswith("one text, two sets of rules")


_controls = st.builds(
    control,
    st.sampled_from("abcd"),
    must=_thresholds,
    metric=st.sampled_from(["accuracy", "recall", "selection_rate"]),
    on_fail=st.sampled_from(["record", "warn", "block"]),
    nulls=st.sampled_from(["refuse", "drop"]),
    min_support=st.sampled_from([10, 30]),
    across=st.sampled_from([(), ("g",), ("g", "h"), ("h", "g")]),
    title=st.sampled_from(["", "T"]),
    phase=st.sampled_from([None, "model", "data"]),
)
_roles = st.dictionaries(
    st.sampled_from("gh"),
    st.sampled_from([Role(""), Role("", map={1: "x"}), Role("", map={True: "x"})]),
).map(lambda found: {name: replace(role, name=name) for name, role in found.items()})
_policies = st.builds(
    lambda controls, roles, version: policy(*controls, roles=roles, version=version),
    st.lists(_controls, max_size=4, unique_by=lambda found: found.id),
    _roles,
    st.sampled_from(["1", "2"]),
)


def _turned(change: Change) -> tuple[Any, ...]:
    """A change as it must look the other way round."""
    kind = OPPOSITE.get(change.kind, change.kind)
    return (change.place, change.name, change.old_name, kind, frozenset(map(_back, change.aspects)))


def _back(aspect: Aspect) -> tuple[str, ...]:
    return aspect.key, aspect.new, aspect.old, OPPOSITE.get(aspect.direction, aspect.direction)


def _forth(change: Change) -> tuple[Any, ...]:
    aspects = frozenset((a.key, a.old, a.new, a.direction) for a in change.aspects)
    return (change.place, change.old_name, change.name, change.kind, aspects)


@QUIET
@given(_policies, _policies)
def test_the_other_way_round_is_the_opposite(old: Policy, new: Policy) -> None:
    there, back = (diff(*pair) for pair in ((old, new), (new, old)))
    assert set(map(_turned, there.changes)) == set(map(_forth, back.changes))
    assert back.direction == OPPOSITE.get(there.direction, there.direction)


@QUIET
@given(_policies, _policies, st.randoms(use_true_random=False))
def test_the_order_of_the_controls_means_nothing(old: Policy, new: Policy, chance: Any) -> None:
    def shuffled(one: Policy) -> Policy:
        controls = [replace(c, line=chance.randrange(99)) for c in one.controls]
        chance.shuffle(controls)
        return replace(one, controls=tuple(controls))

    assert diff(old, shuffled(old)).changes == ()
    assert diff(old, new).changes == diff(shuffled(old), shuffled(new)).changes


@QUIET
@given(_policies, _policies)
def test_every_control_is_accounted_for(old: Policy, new: Policy) -> None:
    """None is dropped: each is removed, added, in a change, or the same in both."""
    found = diff(old, new)
    gone = {c.name for c in found.of_kind("removed")}
    come = {c.name for c in found.of_kind("added")}
    moved = {c.old_name: c.name for c in found.changes if c.place == "control"}
    kept = {c.id for c in old.controls} - gone
    assert {moved.get(name, name) for name in kept} | come == {c.id for c in new.controls}


def test_a_diff_is_one_frozen_value(good: str) -> None:
    found = diff(read(good), read(good))
    assert (found.changes, found.faults, found.same_text) == ((), (), True)
    assert (found.summary, found.direction) == ("the same text", "same")
    assert hash(found) == hash(diff(read(good), read(good)))
    assert isinstance(found, PolicyDiff)


# The text.


def _applied(old: bytes, patch: tuple[str, ...]) -> bytes:
    """The new text, made from the old and the patch: what `patch` would do."""
    lines = old.decode().split("\n")
    lines = [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    made: list[str] = []
    place, sign = 0, ""
    for line in patch[2:]:
        if head := re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", line):
            start = int(head[1]) - (head[2] != "0")
            made, place = made + lines[place:start], start
        elif line == NO_NEWLINE:
            made[-1:] = [line.removesuffix("\n") if sign != "-" else line for line in made[-1:]]
        else:
            sign = line[0]
            if sign in " -":
                assert lines[place].removesuffix("\n") == line[1:]
                place += 1
            if sign in " +":
                made.append(line[1:] + "\n")
    return "".join(made + lines[place:]).encode()


_texts = st.lists(st.sampled_from(["a", "b", "c", "d", "e", ""]), max_size=30).map("\n".join)


@QUIET
@given(_texts.map(str.encode), _texts.map(str.encode))
def test_the_text_diff_makes_the_new_text_of_the_old(old: bytes, new: bytes) -> None:
    assert _applied(old, unified(old, new)) == new
    assert (unified(old, new) == ()) == (old == new)


def test_the_text_diff_of_a_policy_is_that_of_difflib(good: str) -> None:
    new = good.replace(">= 0.70", ">= 0.75").replace("min_support: 30", "min_support: 40")
    expected = difflib.unified_diff(good.splitlines(), new.splitlines(), "old", "new", lineterm="")
    assert list(unified(good.encode(), new.encode())) == list(expected)


def test_what_is_hidden_shows_and_nothing_acts() -> None:
    old, new = "a\nb\r\nc\u00a0d\n\x1b[31m\u202e\n", "a\nb\nc d\n\u2028\x9b\n"
    found = unified(old.encode(), new.encode() + b"\xff", old_name="x\ny", new_name="\x1b]")
    assert all(line.isprintable() for line in found)
    assert found[:2] == ("--- x\\ny", "+++ \\x1b]")
    assert {"-b\\r", "+b", "-c\\xa0d", "-\\x1b[31m\\u202e", "+\\u2028\\x9b", "+\\xff"} <= {*found}
    assert found[-1] == NO_NEWLINE


def test_a_crafted_text_costs_no_more_than_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """`difflib` is cubic at worst: it is given no text longer than the bound."""
    asked: list[int] = []
    whole = difflib.SequenceMatcher.get_matching_blocks

    def counted(self: Any) -> Any:
        asked.append(max(len(self.a), len(self.b)))
        return whole(self)

    monkeypatch.setattr(difflib.SequenceMatcher, "get_matching_blocks", counted)
    chance = random.Random(5)
    for size in (MOST_LINES, MOST_LINES + 1, 20 * MOST_LINES):
        old, new = (
            b"".join(b"%d\n" % chance.randrange(101) for _ in range(size)) for _ in range(2)
        )
        for before, after in ((old, new), (old, b""), (b"", new), (old, new[:-1])):
            assert _applied(before, unified(before, after)) == after
    assert asked
    assert max(asked) == MOST_LINES


@pytest.mark.parametrize(("looser", "kind"), [(True, "loosened"), (False, "tightened")])
def test_publishing_tallies_is_looser(good: str, looser: bool, kind: str) -> None:
    texts = [good, good.replace("roles:", "disclosure: {tallies: publish}\nroles:", 1)]
    (change,) = diff(*map(read, texts if looser else texts[::-1])).changes
    assert (change.kind, change.aspects[0].key) == (kind, "disclosure.tallies")
    texts[0] = good.replace("roles:", "disclosure: {tallies: keep}\nroles:", 1)
    assert diff(read(good), read(texts[0])).changes == ()


KEY = "a" * 64


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("[{role: A}]", "[{role: A, count: 2}]", "tightened"),
        ("[{role: A}]", "[{role: A}, {role: B}]", "tightened"),
        ("[{role: A}]", f"[{{role: A, keys: [{KEY}]}}]", "tightened"),
        ("[{role: A, count: 2}]", "[{role: a}]", "loosened"),
        (f"[{{role: A, keys: [{KEY}]}}]", "[{role: A}]", "loosened"),
        ("[{role: A}]", "[{role: B}]", "changed"),
        ("[{role: A, count: 2}]", "[{role: A}, {role: B}]", "changed"),
    ],
)
def test_who_signs_off_is_compared(good: str, old: str, new: str, kind: str) -> None:
    before, after = (good.replace("roles:", f"approvals: {x}\nroles:", 1) for x in (old, new))
    (change,) = diff(read(before), read(after)).changes
    assert [(one.key, one.direction) for one in change.aspects] == [("approvals", kind)]
    assert diff(read(before), read(before.replace("A", "a", 0))).changes == ()
    (added,) = diff(read(good), read(after)).changes
    assert (added.kind, added.aspects[0].old) == ("tightened", "none")


def test_how_long_records_are_kept_is_compared(good: str) -> None:
    terms = ("six-months", "18m", "ten-years")
    texts = [good.replace("roles:", f"retention: {term}\nroles:", 1) for term in terms]
    policies = [read(text) for text in (good, *texts)]
    for before, after, kind in ((1, 2, "tightened"), (2, 3, "tightened"), (3, 1, "loosened")):
        (change,) = diff(policies[before], policies[after]).changes
        assert (change.kind, change.aspects[0].key) == (kind, "retention")
    (change,) = diff(policies[0], policies[1]).changes
    assert (change.kind, change.aspects[0].old) == ("changed", "as VENTURALITICA_RETENTION says")


def test_a_column_of_weights_touches_what_they_weigh() -> None:
    rules = (control("a"), control("rows", metric="row_count", must=Threshold(">=", 9.0)))
    before, after = policy(*rules), policy(*rules, roles={"weight": Role("weight", column="w")})
    (change,) = [one for one in diff(before, after).changes if one.place == "role"]
    assert (change.name, change.affects) == ("weight", ("a",))
