"""How to make each step of a verification yourself: a line for a terminal, without this server.

Where `openssl`, `jq` and the shell can do a step they do; for the rest it is our own command, or
the page of Python in `docs/verify-without-us.md`. A test runs them.
"""

from __future__ import annotations

import shlex

MEANINGS = {
    "log": "there is a log, and it is whole",
    "bundle": "the file is a bundle, and whole",
    "keys": "each key is the one its name says",
    "signatures": "every record is as it was signed",
    "chain": "every record is in the place that it was signed for",
    "statements": "every record is a statement that can be read",
    "policy": "the policy's bytes are those of its SHA-256",
    "policy names": "name and version are those that the policy's bytes say",
    "subjects": "subjects and contents name the same policy, model and data",
    "tallies": "the counts are those of their digest",
    "lights": "no record claims more than its verdicts bear out",
    "verdicts": "each record says what its own policy and counts give, judged again",
    "not judged": "records that could not be judged again, with the first reason",
    "run audits": "the audits that a run names are in the log, as it says they are",
    "rotation": "keys were handed over by records that both signed",
    "approvals": "each sign-off speaks of an earlier record, and of that very one",
    "contents": "records of a kind that this version does not know",
    "vault": "personal values are as they were signed, or erased as a record says",
    "retention": "what was taken out was named by a prune record, after its time",
    "tree": "the records give the root that the checkpoint signs",
    "checkpoint": "signed by the key that the last record names",
    "clock": "whether clocks agree with the order; never a failure",
    "trust": "whose keys these are",
    "inbox": "what waits where writers had no locks",
    "witnesses": "the log grew out of every checkpoint that somebody outside kept",
    "delivered": "what receipts call delivered is still at the runs that confirmed it",
}

_SIGNED = """\
jq -j .payload line | base64 -d > payload
jq -j '.signatures[0].sig' line | base64 -d > signature
{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < payload)"
cat payload; } > signed"""

_SEAL = """\
head -n 3 note > text
tail -n 1 note | cut -d' ' -f3 | base64 -d | tail -c 64 > signature
for key in {keys}; do if openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in text \
-sigfile signature > told 2>&1; then echo "Verified OK: $key"; fi; done"""

_FOLDER = 'cd "$(mktemp -d)"'


def bundle_command(step: str, file: str = "evidence.json") -> str:
    """The line for one step of a bundle's verification."""
    made = _BUNDLE.get(step)
    name = shlex.quote(file)
    if made is None:
        return f"venturalitica verify {name}"
    return made.replace("FILE", name)


_RECORD = "jq -j .envelope FILE | jq -j .payload | base64 -d"
_BUNDLE = {
    "bundle": "jq '{format, index, size}' FILE",
    "keys": "for id in $(jq -r '.keys | keys[]' FILE); do jq -j --arg k \"$id\" '.keys[$k]' FILE "
    '| openssl pkey -pubin -outform DER | sha256sum; echo "$id"; done',
    "signatures": "\n".join(
        (
            "jq -j .envelope FILE > line",
            _SIGNED,
            "keyid=$(jq -j '.signatures[0].keyid' line)",
            "jq -j --arg k \"$keyid\" '.keys[$k]' FILE > key.pem",
            "openssl dgst -sha256 -verify key.pem -signature signature signed",
        )
    ),
    "chain": f"{_RECORD} | jq .predicate.log",
    "statements": f"{_RECORD} | jq '{{_type, predicateType}}'",
    "policy": f"{_RECORD} | jq -r '.predicate.policy.bytes' | base64 -d | sha256sum\n"
    f"{_RECORD} | jq -r '.predicate.policy.sha256'",
    "subjects": f"{_RECORD} | jq .subject",
    "lights": f"{_RECORD} | jq '.predicate | {{light, verdicts: [.verdicts[].light]}}'",
    "tree": "python3 -I verify_bundle.py FILE   # the page of Python in docs/verify-without-us.md",
    "checkpoint": "jq -j .checkpoint FILE > note\n"
    "for id in $(jq -r '.keys | keys[]' FILE); do jq -j --arg k \"$id\" '.keys[$k]' FILE "
    '> "$id.pem"; done\n' + _SEAL.format(keys="*.pem"),
    "trust": "venturalitica verify FILE --keys signer.pem",
    "witnesses": "jq -j .checkpoint FILE   # compare: tag venturalitica.checkpoint at the tracker",
}


def log_command(step: str, home: str, *, entry: int, pruned: bool = False) -> str:
    """The line for one step of a log's verification; `entry` is the one that it looks at."""
    whole = f"venturalitica verify {shlex.quote(home)}"
    made = _LOG.get(step)
    if made is None or (pruned and "LINE" in made) or entry < 0:
        return whole
    before = str(entry) if entry else "1"
    lines = made.replace("BEFORE", before).replace("LINE", str(entry + 1))
    return lines.replace("HOME", shlex.quote(home))


_LOG = {
    "log": "wc -l HOME/log/entries.jsonl\nsed -n 2p HOME/log/checkpoint",
    "keys": 'for key in HOME/keys/*.pem; do openssl pkey -pubin -in "$key" -outform DER '
    '| sha256sum; echo "$key"; done',
    "signatures": "\n".join(
        (
            _FOLDER,
            "sed -n LINEp HOME/log/entries.jsonl > line",
            _SIGNED,
            "openssl dgst -sha256 -verify HOME/keys/\"$(jq -j '.signatures[0].keyid' line)\".pem "
            "-signature signature signed",
        )
    ),
    "chain": "sed -n LINEp HOME/log/entries.jsonl | jq -j .payload | base64 -d "
    "| jq .predicate.log\n"
    "{ printf '\\0'; sed -n BEFOREp HOME/log/entries.jsonl | tr -d '\\n'; } | sha256sum",
    "policy": "sed -n LINEp HOME/log/entries.jsonl | jq -j .payload | base64 -d "
    "| jq -r '.predicate.policy.bytes' | base64 -d | sha256sum",
    "subjects": "sed -n LINEp HOME/log/entries.jsonl | jq -j .payload | base64 -d | jq .subject",
    "statements": "sed -n LINEp HOME/log/entries.jsonl | jq -j .payload | base64 -d "
    "| jq '{_type, predicateType}'",
    "checkpoint": f"{_FOLDER}\ncp HOME/log/checkpoint note\n"
    + _SEAL.format(keys="HOME/keys/*.pem"),
    "trust": "venturalitica verify HOME --keys signer.pem",
    "witnesses": "venturalitica verify HOME --witnesses",
}
