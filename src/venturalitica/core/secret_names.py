"""Which names speak of secrets: of parameters, options, variables, fields, headers.

The one rule for the whole package. A name is split into words (`awsSecretAccessKey2` is aws,
secret, access, key, 2) and each word is asked. In doubt a name is secret; what is ordinary in
machine learning (`max_tokens`, `token_pattern`, `sort_key`) is known by its neighbouring words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

_SPLIT = re.compile(r"[A-Z]{2,}s?(?![a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WHOLE = _set(
    """
    authn authz connstr creds cred dsn dsns hmac jwk jwks keyfile keyid kennwort
    keypair keyring keystore keytab keyvault kubeconfig login logins mnemonic nonce otp totp pat
    pats pem pfx pin pins psk pw pws salt salts sas saskey senha sid sig sigs session sessions
    sessionid csrf xsrf webhook webhooks
    """
)
_PART = re.compile(
    r"passw|passphrase|passcode|secret|credential|signature|cookie|bearer|jwt|connectionstring"
    r"|^o?auth(?!or(?!i[sz]))|auth\d*$|pwds?$|passphrases?$"
    r"|contrasena|(?:seed|recovery)phrase"
)
"""`author` and `authority` are people and institutions, `authorization` is a header."""

_TOKEN = re.compile(r"token(?!i[sz])")
"""`accesstokens`, but no `tokenizer`."""

_KEY = re.compile(r"keys?$")
_NO_KEY = _set("monkey monkeys donkey turkey hockey jockey whiskey mickey hotkey")
_PASS = re.compile(r"pass$")
_NO_PASS = _set(
    "bypass compass surpass encompass lowpass highpass bandpass allpass singlepass multipass"
)
_TWO_WORDS = frozenset(
    {
        ("pass", "word"), ("pass", "words"), ("pass", "wd"), ("pass", "phrase"), ("pass", "code"),
        ("connection", "string"), ("connection", "strings"), ("connection", "str"),
        ("conn", "string"), ("conn", "str"), ("access", "code"),
        ("seed", "phrase"), ("recovery", "phrase"), ("unlock", "code"),
    }
)  # fmt: skip

_COUNTING = _set("n num nb number max min total count")
_BEFORE_TOKEN = _set(
    """
    begin bos cls end eos mask number oov pad prefix sep special start stop sub suffix unk unknown
    """
)
_AFTER_TOKEN = _set(
    """
    budget count counts delimiter dim embedding embeddings filter freq frequency ids len length
    level limit pattern per policy processor regex size type types
    """
)
_BEFORE_KEY = _set("foreign group groupby index join partition primary sort")
_AFTER_KEY = _set(
    "col cols column columns dim dims frame frames length point points size word words"
)
_BEFORE_PASS = _set("all band first high last low multi one single two")

_WEAK_LAST = _set("cert certs certificate licence license private tok unlock")
_WEAK_WHOLE = _set("api hf openai refresh wandb")
"""Words that may name a secret as well as a number or a switch; the second only by themselves."""

_LABELS = _set("field header id key name option param parameter property var variable")
_ENVIRONMENTS = _set("env envs environ environment environments")

_QUERY_NAMES = _set("code se sp sr sv")
"""Names that mean a secret in the query of an address (OAuth, shared access signatures) only."""

_EVERYDAY = _set("key keys login nonce pass pin pins salt session sessions sid sig")
"""In prose, `key: 3` and `session: expired` say nothing secret."""


def is_secret_name(name: str) -> bool:
    """Whether a variable, parameter, option, field or header of this name may hold a secret."""
    words = words_of(name)
    return any(_is_secret_at(words, place) for place in range(len(words)))


def is_weakly_secret_name(name: str) -> bool:
    """Whether a text under this name may be a secret, a number or a switch rather not."""
    words = [word for word in words_of(name.rpartition("__")[2]) if not word.isdigit()]
    return bool(words) and (words[-1] in _WEAK_LAST or "".join(words) in _WEAK_WHOLE)


def is_label(name: str) -> bool:
    """Whether a field of this name may name its sibling: `{"name": "password", "value": "x"}`."""
    words = words_of(name)
    return bool(words) and words[-1] in _LABELS


def is_environment(name: str, keys: Iterable[str]) -> bool:
    """Whether a mapping is of variables of a process, by its name or by its keys."""
    words = words_of(name)
    found = {key.upper() for key in keys}
    named = any(word in _ENVIRONMENTS for word in words)
    return named or ("PATH" in found and bool(found & {"HOME", "USERPROFILE"}))


def is_secret_in_prose(name: str) -> bool:
    """Whether `name: value` in a sentence tells a secret: everyday words alone do not."""
    return is_secret_name(name) and "".join(words_of(name)) not in _EVERYDAY


def is_secret_in_query(name: str) -> bool:
    """Whether `name=value` in the query of an address tells a secret."""
    lower = unquote(name).lower()
    return lower in _QUERY_NAMES or lower.startswith(("x-amz-", "x-goog-")) or is_secret_name(name)


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `awsSecretKey2` is aws, secret, key, 2."""
    # NFKD: full-width letters are letters; `client%5Fsecret` is what a query may say.
    apart = unicodedata.normalize("NFKD", unquote(name))
    plain = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return tuple(word.lower() for word in _SPLIT.findall(plain))


def _is_secret_at(words: tuple[str, ...], place: int) -> bool:
    word = words[place]
    before = words[place - 1] if place else ""
    after = words[place + 1] if place + 1 < len(words) else ""
    if (word, after) in _TWO_WORDS or _PART.search(word):
        return not _counted(words, word)
    if _TOKEN.search(word):
        ordinary = before in _BEFORE_TOKEN or after in _AFTER_TOKEN
    elif _KEY.search(word) and word not in _NO_KEY:
        ordinary = before in _BEFORE_KEY or after in _AFTER_KEY
    elif _PASS.search(word) and word not in _NO_PASS:
        ordinary = before in _BEFORE_PASS or not _closes(words, place)
    else:
        ordinary = word not in _WHOLE or (word, after) == ("pin", "memory")
    return not ordinary and not _counted(words, word)


def _counted(words: tuple[str, ...], word: str) -> bool:
    """`max_new_tokens`, `n_keys`: a number of them."""
    return words[0] in _COUNTING and word.endswith("s") and not word.endswith("ss")


def _closes(words: tuple[str, ...], place: int) -> bool:
    """Whether only digits follow: `db_pass2` is one, `pass_through` is none."""
    return all(word.isdigit() for word in words[place + 1 :])
