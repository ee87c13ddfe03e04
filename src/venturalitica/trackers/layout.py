"""Which audit of a run stands where: every parcel claims its names before it uses them.

A claim is one tag of the run (`venturalitica.audit.<first 12 digits of the evidence's SHA-256>`, or
`venturalitica.run.…` for a closed monitor) whose value says, in JSON, every place that the parcel
takes. The first audit takes the plain names; a later one takes names of its own. A parcel that was
delivered before finds its claim again and keeps its names, whatever came in between.

                        first audit                    a later one
    evidence, report    venturalitica/evidence.json    venturalitica/audits/<id>/evidence.json
    tally               venturalitica/tally.json       venturalitica/audits/<id>/tally.json
    policy              policy_snapshot/<file>         the same if the bytes are; else
                                                       policy_snapshot/<12 of SHA-256>/<file>
    tags                venturalitica.policy           venturalitica.audit.<id>.policy
    metrics             venturalitica/<control>        the same policy: the same key, next step;
                                                       another: venturalitica/<policy> <8 of
                                                       SHA-256>/<control>

A closed monitor stands in `venturalitica/run.json`, a later one in `venturalitica/runs/<id>/`.

Names of ours are made safe for a tracker's keys, and read back from them (`encode`, `decode`). A
tracker allows fewer characters in a key than a policy allows in a control id or a group name. The
strictest rule among those we publish to is followed everywhere, so that one control has one key in
all of them:

    kept as it is      A-Z a-z 0-9 _ . -
    escaped            every other character, as `_x<code point in hexadecimal>_`  (é -> `_xe9_`)
    also escaped       an `x` right after a `_` (it would read as an escape), and a leading `.`
    the empty name     `_x_`

So `gender-parity` is its own key, and `decode(encode(name)) == name` for every string. A key may be
bounded: what is too long is cut and ends in `_xcut.<16 hexadecimal digits of its SHA-256>_`, which
no other name can produce; the whole name is kept beside it under `digest16(name)`, and `decode`
takes it from there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import asdict, replace

from venturalitica.core.encoding import sha256_hex, strict_json
from venturalitica.core.verdict import LIGHTS, Light, worst_light
from venturalitica.trackers.base import ROOT, TALLY, Parcel

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
_ESCAPE = re.compile(r"_x([0-9a-f]*)_")
_CUT = re.compile(r"_xcut\.([0-9a-f]{16})_$")
_CUT_LENGTH = len("_xcut.") + 16 + len("_")

MIN_LIMIT = _CUT_LENGTH + 8
"""The smallest bound that `encode` takes: the mark of a cut and eight characters to read."""


def encode(name: str, *, limit: int | None = None) -> str:
    """The key for `name`; at most `limit` characters where one is given (`limit >= MIN_LIMIT`)."""
    key = _escaped(name) or "_x_"
    if limit is None or len(key) <= limit:
        return key
    if limit < MIN_LIMIT:
        raise ValueError(f"a key cannot be cut to {limit} characters; at least {MIN_LIMIT}")
    head = _whole_escapes(key[: limit - _CUT_LENGTH])
    return f"{head}_xcut.{digest16(name)}_"


def decode(key: str, whole: Mapping[str, str] | None = None) -> str:
    """The name that `encode` made `key` from.

    `whole` maps `digest16(name)` to the names that were cut; a cut key that is not in it raises
    LookupError, because its end is not known.
    """
    cut = _CUT.search(key)
    if cut is None:
        return _ESCAPE.sub(_character, key)
    name = (whole or {}).get(cut[1])
    if name is None:
        raise LookupError(f"key {key!r} was cut and its whole name was not given")
    if digest16(name) != cut[1]:
        raise LookupError(f"key {key!r} was cut from another name than {name!r}")
    return name


def is_cut(key: str) -> bool:
    """Whether `key` holds only the beginning of its name."""
    return _CUT.search(key) is not None


def digest16(name: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of `name` in UTF-8."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def clip(text: str, limit: int) -> str:
    """`text`, or its beginning and the digest of the whole where it is longer than `limit`."""
    if len(text) <= limit:
        return text
    tail = f" [cut; SHA-256 {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}]"
    return text[: limit - len(tail)] + tail


def _escaped(name: str) -> str:
    key = ""
    for char in name:
        reads_as_escape = char == "x" and key.endswith("_")
        leading_dot = char == "." and not key
        kept = char in _SAFE and not reads_as_escape and not leading_dot
        key += char if kept else f"_x{ord(char):x}_"
    return key


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else ""


def _whole_escapes(head: str) -> str:
    """Drop an escape that the cut went through, so that what is left can be read."""
    start = head.rfind("_x")
    if start >= 0 and not _ESCAPE.match(head, start):
        return head[:start]
    return head


FORMAT = 1
SNAPSHOTS = "policy_snapshot"
_CLAIM_KEY = re.compile(r"venturalitica\.(audit|run|model|attachment)\.[0-9a-f]{12}")
_SAFE_PATH = re.compile(r"(venturalitica|policy_snapshot)(/[\w.\- ]+)*")
_POLICY_LIMIT = 40


class Claim(Struct, frozen=True, kw_only=True):
    """The places of one parcel at one run. `at` is in milliseconds since 1970, UTC."""

    kind: str
    evidence_sha256: str
    file_sha256: str
    folder: str
    snapshot: str
    tags: str
    metrics: str
    step: int
    at: int
    light: str
    policy_sha256: str = ""

    @property
    def id(self) -> str:
        """The twelve digits that name the parcel in places of its own."""
        return self.evidence_sha256[:12]

    @property
    def key(self) -> str:
        """The tag that holds the claim."""
        return f"{ROOT}.{self.kind}.{self.id}"

    @property
    def evidence(self) -> str:
        """The artifact that holds the evidence."""
        return f"{self.folder}/{'run' if self.kind == 'run' else 'evidence'}.json"

    @property
    def tally(self) -> str:
        """The artifact that holds the tally, where the policy publishes it."""
        return f"{self.folder}/{TALLY}"

    @property
    def report(self) -> str:
        """The artifact that holds the page for people."""
        return f"{self.folder}/{'run' if self.kind == 'run' else 'report'}.html"

    def value(self) -> str:
        """What the tag holds."""
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True, ensure_ascii=False)

    def apart(self) -> Claim:
        """The same parcel with no name that another could have, whatever the others claimed."""
        snapshot = _own_snapshot(self.snapshot, self.policy_sha256) if self.snapshot else ""
        return replace(
            self,
            folder=f"{ROOT}/{self.kind}s/{self.id}",
            tags=self.key,
            snapshot=snapshot,
        )

    def clashes_with(self, other: Claim) -> bool:
        """Whether the two would write different things to one place."""
        if self.evidence_sha256 == other.evidence_sha256:
            return False
        same_snapshot = bool(self.snapshot) and _fold(self.snapshot) == _fold(other.snapshot)
        return self.evidence == other.evidence or (
            same_snapshot and self.policy_sha256 != other.policy_sha256
        )


def read_claims(tags: Mapping[str, str]) -> dict[str, Claim]:
    """The claims among the tags of a run, by evidence digest; what cannot be one is ignored."""
    found = (_claim(key, value) for key, value in tags.items() if _CLAIM_KEY.fullmatch(key))
    return {claim.evidence_sha256: claim for claim in found if claim is not None}


def stake(parcel: Parcel, others: Iterable[Claim], *, at: int) -> Claim:
    """The claim of a parcel that has none yet, beside those that are there."""
    others = list(others)
    first = Claim(
        kind=parcel.kind,
        evidence_sha256=parcel.evidence_sha256,
        file_sha256=sha256_hex(parcel.evidence),
        folder=ROOT,
        snapshot=_snapshot(parcel, others),
        tags=ROOT if parcel.kind == "audit" else f"{ROOT}.run",
        metrics=_metrics(parcel, others),
        step=_step(parcel, others),
        at=at,
        light=parcel.light,
        policy_sha256=parcel.policy_sha256,
    )
    if parcel.kind not in ("audit", "run"):
        return first.apart()
    taken = any(other.kind == parcel.kind and other.folder == ROOT for other in others)
    return replace(first.apart(), snapshot=first.snapshot) if taken else first


def light_of(claims: Iterable[Claim]) -> Light:
    """The light of the whole run: the worst of its audits; a closed monitor's only if it is worse.

    A monitor that held no audit is grey and says nothing about the audits that there are.
    """
    claims = list(claims)
    audits = [_light(claim) for claim in claims if claim.kind == "audit"]
    runs = [_light(claim) for claim in claims if claim.kind == "run"]
    return worst_light([*audits, *(light for light in runs if light != "grey" or not audits)])


def snapshot_name(filename: str) -> str:
    """The file's own name, with what artifact stores refuse in a path escaped."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1] or "model_policy.yaml"
    kept = "".join(char if re.fullmatch(r"[\w.\- ]", char) else encode(char) for char in name)
    if kept.strip(". ") == "" or len(kept.encode()) > 200:
        return encode(name, limit=120)
    return kept


def _snapshot(parcel: Parcel, others: list[Claim]) -> str:
    if parcel.policy_bytes is None:
        return ""
    plain = f"{SNAPSHOTS}/{snapshot_name(parcel.policy_filename)}"
    own = _own_snapshot(plain, parcel.policy_sha256)
    for other in others:
        if other.policy_sha256 == parcel.policy_sha256 and other.snapshot in (plain, own):
            return other.snapshot
    return own if any(_fold(other.snapshot) == _fold(plain) for other in others) else plain


def _own_snapshot(path: str, policy_sha256: str) -> str:
    return f"{SNAPSHOTS}/{policy_sha256[:12]}/{path.rsplit('/', 1)[-1]}"


def _metrics(parcel: Parcel, others: list[Claim]) -> str:
    audits = [other for other in others if other.kind == "audit"]
    for other in audits:
        if other.policy_sha256 == parcel.policy_sha256:
            return other.metrics
    if all(other.metrics != ROOT for other in audits):
        return ROOT
    # The space keeps the name apart from every control: `encode` never leaves one in a key.
    policy = encode(parcel.policy_name or "policy", limit=_POLICY_LIMIT)
    return f"{ROOT}/{policy} {parcel.policy_sha256[:8]}"


def _step(parcel: Parcel, others: list[Claim]) -> int:
    steps = [
        other.step
        for other in others
        if other.kind == "audit" and other.policy_sha256 == parcel.policy_sha256
    ]
    return max(steps) + 1 if steps else 0


def _fold(path: str) -> str:
    """Stores on some file systems do not tell capitals from small letters."""
    return path.casefold()


def _light(claim: Claim) -> Light:
    """A light that nobody knows is red: a tag can be edited by anyone who may write to the run."""
    return next((light for light in LIGHTS if light == claim.light), "red")


def _claim(key: str, value: str) -> Claim | None:
    try:
        data = strict_json(value)
    except ValueError:
        return None
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        return None
    # A tag is anybody's: what has other fields is not ours, whatever its format says.
    if set(data) != set(Claim.__struct_fields__):
        return None
    numbers = {"step", "at"}
    if not all(isinstance(found, int if name in numbers else str) for name, found in data.items()):
        return None
    claim = Claim(**data)
    return claim if claim.key == key and _harmless(claim) else None


def _harmless(claim: Claim) -> bool:
    """Paths come from tags that others may edit: one that leaves our folders is not followed."""
    paths = [claim.folder, claim.metrics, *([claim.snapshot] if claim.snapshot else [])]
    return claim.tags.startswith(ROOT) and all(
        _SAFE_PATH.fullmatch(path) and ".." not in path.split("/") for path in paths
    )
