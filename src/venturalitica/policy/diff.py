"""How two policies differ, by rule: what was added, removed, loosened, tightened, or only reworded.

    found = diff(read_policy("old.yaml"), read_policy("new.yaml"))
    found.summary                 # '1 control loosened, 1 control added'
    found.direction               # 'changed': rules point both ways

Pure: no metric is computed and none needs to be known. One rule written in two ways
(`selection_rate` with `compare: ratio`, and `demographic_parity_ratio`) is seen to be one. The
order of the controls means nothing here. Where it cannot be shown that a change loosens or
tightens, it is `changed`: no direction is ever guessed.

`unified` compares the two texts line by line, in the form that every programmer reads. No character
that a terminal or page would obey is left as it is, and what would be invisible shows.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.policy import LABEL_ROLES, WEIGHT, Control, Policy
from venturalitica.metrics.catalog import CATALOG, counts_all_roles
from venturalitica.metrics.catalog.weights import reads_weights
from venturalitica.policy.changes import (
    KINDS,
    PLACES,
    Aspect,
    Change,
    Direction,
    Edition,
    PolicyDiff,
    duplicates_aspect,
    joint_aspect,
    kind_of,
    level_aspect,
    min_cell_aspect,
    min_support_aspect,
    must_aspect,
    nulls_aspect,
    on_fail_aspect,
    retention_aspect,
    role_aspects,
    small_groups_aspect,
    tallies_aspect,
)
from venturalitica.policy.changes_approvals import approvals_aspect
from venturalitica.policy.changes_drift import reference_aspects
from venturalitica.policy.describe import describe_role, sentence

_OF_THE_HEAD = (
    duplicates_aspect,
    min_cell_aspect,
    tallies_aspect,
    level_aspect,
    joint_aspect,
    retention_aspect,
    approvals_aspect,
)
_PROSE = ("title", "article", "remedy")
_OF_BOTH = {"map", "labels"}
"""Keys of target by which predictions are read too."""

MOST_LINES = 2_000
"""Lines of a text that `difflib`, cubic at worst, may compare; a longer text is replaced whole."""
NO_NEWLINE = "\\ No newline at end of file"
_JOINERS = "\u200c\u200d"

Aspects = Iterator[Aspect]


def diff(old: Policy, new: Policy) -> PolicyDiff:
    """How `new` differs from `old`.

    Returns:
        The changes, those that weaken the policy first; empty where every rule is the same.
    """
    return _Comparison(old, new).result()


class _Comparison(Struct, frozen=True):
    old: Policy
    new: Policy

    def result(self) -> PolicyDiff:
        roles = tuple(self._roles())
        changes = [*self._controls(roles), *roles, *self._head()]
        same_text = self.old.bytes == self.new.bytes
        return PolicyDiff(
            old=edition_of(self.old),
            new=edition_of(self.new),
            changes=tuple(sorted(changes, key=_order)),
            same_text=same_text,
            faults=tuple(_faults(self.old, self.new, changes, same_text=same_text)),
        )

    def _head(self) -> Iterator[Change]:
        old, new = self.old, self.new
        aspects = []
        if old.name != new.name:
            aspects.append(Aspect("name", old.name, new.name, "renamed"))
        for key in ("version", "title"):
            aspects += _reworded(key, getattr(old, key), getattr(new, key))
        aspects += filter(None, (aspect(old, new) for aspect in _OF_THE_HEAD))
        if aspects:
            kind = kind_of(aspects)
            yield Change("policy", new.name, old.name, kind, tuple(aspects))

    def _roles(self) -> Iterator[Change]:
        for name in sorted({*self.old.roles, *self.new.roles}):
            aspects = [*role_aspects(self.old.role(name), self.new.role(name))]
            if not aspects and (name in self.old.roles) != (name in self.new.roles):
                said = ("declared", "") if name in self.old.roles else ("", "declared")
                aspects = [Aspect("declared", *said, "reworded", "it has no rule of its own")]
            if aspects:
                change = Change("role", name, name, kind_of(aspects), tuple(aspects))
                yield replace(change, affects=self._affected(change))

    def _affected(self, role: Change) -> tuple[str, ...]:
        """The controls, of either policy, that read the role."""
        if role.kind == "reworded":
            return ()
        both = (*self.old.controls, *self.new.controls)
        return tuple(sorted({one.id for one in both if self._reads(one, role)}))

    def _reads(self, control: Control, role: Change) -> bool:
        if role.name in (*control.across, *control.of):
            return True
        if counts_all_roles(control):
            return True
        if role.name == WEIGHT:
            return reads_weights(control)
        if role.name not in LABEL_ROLES:
            return False
        known = CATALOG.get(control.metric)
        if known is None or role.name in known.needs:
            return True
        keys = {aspect.key for aspect in role.aspects}
        if role.name == "target" and "prediction" in known.needs and keys & _OF_BOTH:
            return True
        return known.needs_favorable and "favorable" in keys

    def _controls(self, roles: tuple[Change, ...]) -> Iterator[Change]:
        pairs, removed, added = self._paired()
        for before in removed:
            yield Change("control", before.id, before.id, "removed", rule=sentence(before))
        for after in added:
            yield Change("control", after.id, after.id, "added", rule=sentence(after))
        for before, after in pairs:
            aspects = [*self._control_aspects(before, after), *self._through(roles, before, after)]
            if aspects:
                rule = sentence(after)
                kind = kind_of(aspects)
                yield Change("control", after.id, before.id, kind, tuple(aspects), rule)

    def _through(self, roles: Iterable[Change], before: Control, after: Control) -> Aspects:
        """A rule whose groups or labels are read otherwise asks something else, word for word."""
        for role in roles:
            if role.kind != "reworded" and any(self._reads(c, role) for c in (before, after)):
                was, now = (describe_role(p.role(role.name)) for p in (self.old, self.new))
                note = f"the role {role.name} is read otherwise"
                way: Direction = "changed"
                if role.kind == "tightened" or role.kind == "loosened":
                    way = role.kind
                yield Aspect(f"role {role.name}", was, now, way, note)

    def _control_aspects(self, old: Control, new: Control) -> Aspects:
        if old.id != new.id:
            yield Aspect("id", old.id, new.id, "renamed", "the same rule under another id")
        measured = [*self._measured(old, new)]
        yield from measured
        comparable = all(aspect.direction == "reworded" for aspect in measured)
        found = (
            must_aspect(old.must, new.must, comparable=comparable),
            on_fail_aspect(old.on_fail, new.on_fail),
            min_support_aspect(old.min_support, new.min_support),
            nulls_aspect(old, new),
            small_groups_aspect(old, new),
        )
        yield from (aspect for aspect in found if aspect is not None)
        yield from self._phase(old, new)
        for key in _PROSE:
            yield from _reworded(key, getattr(old, key) or "", getattr(new, key) or "")

    def _measured(self, old: Control, new: Control) -> Aspects:
        """What is measured: the metric, of which roles, across which groups, compared how."""
        same = self._meaning(old) == self._meaning(new)
        note = "the same measure by another name" if same else ""
        for key in ("metric", "compare"):
            was, now = getattr(old, key) or "", getattr(new, key) or ""
            if was != now:
                yield Aspect(key, was, now, "reworded" if same else "changed", note)
        yield from _across(old, new)
        if old.groups != new.groups:
            yield Aspect(
                "groups", " minus ".join(old.groups), " minus ".join(new.groups), "changed"
            )
        if old.of != new.of:
            said = ", ".join(old.of), ", ".join(new.of)
            if sorted(old.of) == sorted(new.of):
                yield Aspect("of", *said, "reworded", "in another order")
            else:
                yield Aspect("of", *said, "changed")
        yield from reference_aspects(old, new)

    def _meaning(self, control: Control) -> tuple[str, str | None]:
        """The metric of one group and the comparison, also where one name means both."""
        known = CATALOG.get(control.metric)
        if known is None:
            return control.metric, control.compare
        return known.base or control.metric, known.compare or control.compare

    def _phase(self, old: Control, new: Control) -> Aspects:
        if old.phase == new.phase:
            return
        said = old.phase or "", new.phase or ""
        if "" != self._phase_of(old) == self._phase_of(new):
            yield Aspect("phase", *said, "reworded", "that is when the metric is judged anyway")
        else:
            yield Aspect("phase", *said, "changed", "it is judged at another time")

    def _phase_of(self, control: Control) -> str:
        known = CATALOG.get(control.metric)
        return control.phase or (known.phase if known else "")

    def _paired(self) -> tuple[list[tuple[Control, Control]], list[Control], list[Control]]:
        """Controls of one id; then, among the rest, one rule under two ids."""
        old, new = _sorted(self.old.controls), _sorted(self.new.controls)
        keys: tuple[Callable[[Control], object], ...] = (
            lambda control: control.id,
            lambda control: (self._rule(control), *(getattr(control, key) for key in _PROSE)),
            self._rule,
        )
        pairs: list[tuple[Control, Control]] = []
        for key in keys:
            met, old, new = _matched(old, new, key)
            pairs += met
        return pairs, old, new

    def _rule(self, control: Control) -> object:
        """All of a control but its id and its words."""
        bare = replace(control, id="", line=0, title="", article=None, remedy="")
        return self._meaning(control), replace(bare, metric="", compare=None)


def edition_of(policy: Policy) -> Edition:
    """Which text a policy is."""
    return Edition(policy.name, policy.version, policy.sha256)


def _sorted(controls: Iterable[Control]) -> list[Control]:
    """In an order that is the same however the file has them; ids may repeat in rules of Python."""
    return sorted(controls, key=lambda control: (control.id, repr(replace(control, line=0))))


def _matched(
    old: list[Control], new: list[Control], key: Callable[[Control], object]
) -> tuple[list[tuple[Control, Control]], list[Control], list[Control]]:
    """Pairs with the same key, each control once, and what is left of both."""
    waiting: dict[object, list[Control]] = {}
    for control in reversed(new):
        waiting.setdefault(key(control), []).append(control)
    pairs, left = [], []
    for control in old:
        found = waiting.get(key(control))
        if found:
            pairs.append((control, found.pop()))
        else:
            left.append(control)
    met = {id(after) for _, after in pairs}
    return pairs, left, [control for control in new if id(control) not in met]


def _order(change: Change) -> tuple[int, int, str, str]:
    place, kind = PLACES.index(change.place), KINDS.index(change.kind)
    return place, kind, change.name, change.old_name


def _reworded(key: str, old: str, new: str) -> list[Aspect]:
    return [] if old == new else [Aspect(key, old, new, "reworded")]


def _across(old: Control, new: Control) -> Aspects:
    if old.across == new.across:
        return
    was, now = " × ".join(old.across), " × ".join(new.across)
    if sorted(old.across) == sorted(new.across) and not old.groups and not new.groups:
        yield Aspect("across", was, now, "reworded", "the same groups, in another order")
        return
    note = "other groups"
    if set(old.across) < set(new.across):
        note = "more and smaller groups"
    elif set(new.across) < set(old.across):
        note = "fewer and larger groups"
    yield Aspect("across", was, now, "changed", note)


def text_faults(old: Edition, new: Edition, *, same_text: bool) -> tuple[str, ...]:
    """What two texts and their names contradict, whether they can be read as policies or not."""
    same_name = (old.name, old.version) == (new.name, new.version)
    if same_name and not same_text:
        return (
            f"one version, two texts: {old} is sha256 {old.sha256} and sha256 {new.sha256}; "
            "raise the version whenever the text changes",
        )
    if same_text and not same_name:
        return (f"one text, two names: sha256 {old.sha256} is called {old} and {new}",)
    return ()


def _faults(
    old: Policy, new: Policy, changes: Iterable[Change], *, same_text: bool
) -> Iterator[str]:
    yield from text_faults(edition_of(old), edition_of(new), same_text=same_text)
    if same_text and any(change.place != "policy" for change in changes):
        yield (
            f"one text, two sets of rules: at least one of the two policies called sha256 "
            f"{old.sha256} does not hold what its bytes say"
        )


def unified(
    old: bytes, new: bytes, *, old_name: str = "old", new_name: str = "new"
) -> tuple[str, ...]:
    """The lines of a unified diff, without line ends; none where the bytes are the same.

    Bytes that are not UTF-8 are shown as `\\xff`. Where a text has more than `MOST_LINES`, the one
    text is shown as replaced by the other: still a patch, at a cost that no crafted text can raise.
    """
    if old == new:
        return ()
    before, after = _lines(old), _lines(new)
    if max(len(before), len(after)) <= MOST_LINES:
        marked = [*difflib.unified_diff(before, after)][2:]
    else:
        head = f"@@ -{min(1, len(before))},{len(before)} +{min(1, len(after))},{len(after)} @@\n"
        marked = [head, *("-" + line for line in before), *("+" + line for line in after)]
    found = [f"--- {_visible(old_name)}", f"+++ {_visible(new_name)}"]
    for line in marked:
        found.append(_visible(line.removesuffix("\n")))
        if not line.endswith("\n"):
            found.append(NO_NEWLINE)
    return tuple(found)


def _lines(data: bytes) -> list[str]:
    """Lines that end with LF and nothing else, as the digest sees them: a lone CR is text."""
    *whole, rest = data.decode("utf-8", "backslashreplace").split("\n")
    return [line + "\n" for line in whole] + ([rest] if rest else [])


def _visible(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(
        character
        if character.isprintable() or character in _JOINERS
        else character.encode("unicode_escape").decode("ascii")
        for character in line
    )
