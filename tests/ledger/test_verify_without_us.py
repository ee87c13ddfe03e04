"""`docs/verify-without-us.md` verifies a bundle with our package absent, and rejects any other."""

from __future__ import annotations

import base64
import copy
import json
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.encoding import canonical_json
from venturalitica.ledger import Ledger, load_signer, verify_bundle
from venturalitica.ledger.signing.key_rotation import swap

PAGE = Path(__file__).parents[2] / "docs" / "verify-without-us.md"
OPENSSL = shutil.which("openssl")

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs the openssl program")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path_factory.mktemp("page") / "verify_bundle.py"
    path.write_text(code, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `PATH` on which there is nothing but openssl."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "openssl").symlink_to(str(OPENSSL))
    return folder


@pytest.fixture(scope="module")
def honest(three_entries: Path) -> bytes:
    return Ledger.open(three_entries).bundle(1)


def alone(programs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Isolated, without site-packages, without network where that may be cut."""
    command = [*cut_off(), sys.executable, "-I", "-S", *arguments]
    env = {"PATH": str(programs), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command, env=env, cwd=programs, capture_output=True, text=True, check=False, timeout=60
    )


def cut_off() -> list[str]:
    unshare = shutil.which("unshare")
    for flags in (["-n"], ["-r", "-n"]):
        if (
            unshare
            and not subprocess.run([unshare, *flags, "true"], capture_output=True).returncode
        ):
            return [unshare, *flags]
    return []


def test_our_package_is_not_there(programs: Path) -> None:
    assert alone(programs, "-c", "import venturalitica").returncode != 0
    assert alone(programs, "-c", "import cryptography").returncode != 0
    if cut_off():
        reach = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
        assert "unreachable" in alone(programs, "-c", reach).stderr


def test_every_entry_of_a_log_verifies(
    script: Path, programs: Path, three_entries: Path, tmp_path: Path
) -> None:
    ledger = Ledger.open(three_entries)
    for index in range(3):
        (tmp_path / "evidence.json").write_bytes(ledger.bundle(index))
        done = alone(programs, str(script), str(tmp_path / "evidence.json"))
        assert (done.returncode, done.stderr) == (0, "")
        lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
        assert lines["record"].endswith(ledger.entry(index).evidence_sha256)
        assert lines["place"].startswith(f"entry {index} ")
        assert lines["VERIFIED"] == "urn:venturalitica:audit:v1 green"
        assert "whose keys these are" in done.stdout


def test_trusted_keys(script: Path, programs: Path, honest: bytes, tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_bytes(honest)
    keys = list(json.loads(honest)["keys"])
    done = alone(programs, str(script), str(tmp_path / "evidence.json"), *keys)
    assert done.returncode == 0
    assert "NOT CHECKED" not in done.stdout
    for given in (keys[:1], keys[1:], ["0" * 64]):
        done = alone(programs, str(script), str(tmp_path / "evidence.json"), *given)
        assert done.returncode == 1
        assert "REJECTED" in done.stderr


def test_the_file_of_keys_export_is_enough_and_a_missing_key_is_named(
    script: Path, programs: Path, honest: bytes, tmp_path: Path
) -> None:
    (tmp_path / "evidence.json").write_bytes(honest)
    pems = json.loads(honest)["keys"]
    notes = b"# key  of a stranger's -----BEGIN\n".decode()
    (tmp_path / "signer.pem").write_text("\n".join(notes + pem for pem in pems.values()))

    def told(*given: str) -> subprocess.CompletedProcess[str]:
        return alone(programs, str(script), str(tmp_path / "evidence.json"), *given)

    done = told(str(tmp_path / "signer.pem"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "NOT CHECKED" not in done.stdout
    for keyid, pem in pems.items():
        (tmp_path / "half.pem").write_text("".join(set(pems.values()) - {pem}))
        role = "records" if "MFkw" in pem else "checkpoints"
        done = told(str(tmp_path / "half.pem"))
        assert done.returncode == 1
        assert (
            f"REJECTED  the key {keyid} (role: {role}) is not among those you gave" in done.stderr
        )
    (tmp_path / "none.pem").write_text("nothing")
    assert "REJECTED  no public key in" in told(str(tmp_path / "none.pem")).stderr
    assert "CANNOT CHECK" in told(str(tmp_path / "absent.pem")).stderr


def test_without_openssl_nothing_is_verified(script: Path, honest: bytes, tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_bytes(honest)
    (tmp_path / "none").mkdir()
    done = alone(tmp_path / "none", str(script), str(tmp_path / "evidence.json"))
    assert done.returncode == 1
    assert "CANNOT CHECK" in done.stderr


def test_the_golden_bundles_verify(script: Path, programs: Path) -> None:
    data = Path(__file__).parents[1] / "data"
    for golden in ("ledger_v1", "ledger_v2"):
        bundle = data / golden / "bundle.json"
        assert alone(programs, str(script), str(bundle)).returncode == 0


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory, statement: Any) -> tuple[Path, list[str]]:
    """A log whose key was rotated twice, and the ids of the first key."""
    home, config = tmp_path_factory.mktemp("rotated") / "home", tmp_path_factory.mktemp("keys")
    first = load_signer(None, config)
    for number in range(3):
        signer = load_signer(None, config)
        Ledger.open(home, signer=signer).append(statement(number))
        swap(config)
    return home, [first.keyid, first.checkpoint_signer().keyid]


def test_rotated_keys_follow_from_those_given(
    script: Path, programs: Path, rotated: tuple[Path, list[str]], tmp_path: Path
) -> None:
    home, first = rotated
    ledger = Ledger.open(home)
    for index in range(ledger.size):
        (tmp_path / "evidence.json").write_bytes(ledger.bundle(index))
        done = alone(programs, str(script), str(tmp_path / "evidence.json"), *first)
        assert (done.returncode, done.stderr) == (0, ""), index
        assert "NOT CHECKED" not in done.stdout
    assert done.stdout.count("rotation ") == 2
    done = alone(programs, str(script), str(tmp_path / "evidence.json"), "0" * 64)
    assert "nor follows one" in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["lineage"].pop(0),
        lambda v: v["lineage"].reverse(),
        lambda v: v["lineage"][0].update(index=0),
        lambda v: v["lineage"][0].update(envelope=v["envelope"]),
        lambda v: v["lineage"][0].update(proof=[]),
        lambda v: v["lineage"][0].update(more=1),
        lambda v: v.update(lineage=[]),
        lambda v: v.update(format="venturalitica/bundle/v1"),
        lambda v: v.pop("lineage"),
    ],
)
def test_a_touched_lineage_is_rejected_by_both(
    accepts: Callable[[bytes], bool],
    rotated: tuple[Path, list[str]],
    change: Callable[[dict[str, Any]], object],
) -> None:
    honest = Ledger.open(rotated[0]).bundle(4)
    assert accepts(honest)
    value = json.loads(honest)
    change(value)
    data = canonical_json(value)
    assert not accepts(data)
    assert not verify_bundle(data).ok


def test_a_seal_that_a_stranger_appointed_is_rejected(
    script: Path, programs: Path, stolen_seal: bytes, signer: Any, tmp_path: Path
) -> None:
    (tmp_path / "evidence.json").write_bytes(stolen_seal)
    ours = [signer.keyid, signer.checkpoint_signer().keyid]
    done = alone(programs, str(script), str(tmp_path / "evidence.json"), *ours)
    assert done.returncode == 1
    assert "nor follows one" in done.stderr
    done = alone(programs, str(script), str(tmp_path / "evidence.json"))
    assert "NOT CHECKED the sealing key" in done.stdout


# --- What is tampered with is rejected: the page and the package agree ---------------------------


@pytest.fixture(scope="module")
def accepts(script: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], bool]:
    """The page in this process, which is faster; openssl is asked as before."""
    page = runpy.run_path(str(script))
    path = tmp_path_factory.mktemp("tampered") / "evidence.json"

    def verdict(data: bytes) -> bool:
        path.write_bytes(data)
        try:
            page["main"](str(path))
        except SystemExit as end:
            return not str(end.code).startswith("REJECTED")
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        return True

    return verdict


def spelt(bundle: dict[str, Any]) -> bytes:
    text = json.dumps(bundle, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def swapped_digit(text: str, place: int = -3) -> str:
    old = text[place]
    new = {"0": "1", "A": "B", "a": "b"}.get(old, "A" if old.isupper() else "0")
    changed = list(text)
    changed[place] = new if new != old else "2"
    return "".join(changed)


def altered_bundles(honest: bytes) -> Iterator[tuple[str, bytes]]:
    """Each field of the bundle altered, spelt as bundles are."""
    fields: dict[str, list[Callable[[Any], Any]]] = {
        "format": [lambda v: v + "x", lambda v: v.replace("v1", "v2")],
        "index": [lambda v: v + 1, lambda v: v - 1, float, str],
        "size": [lambda v: v + 1, lambda v: v - 1, lambda v: v * 2],
        "proof": [
            lambda v: v[:-1],
            lambda v: [*v, v[0]],
            lambda v: v[::-1],
            lambda v: [v[0].upper(), *v[1:]],
            lambda v: [swapped_digit(v[0]), *v[1:]],
            lambda v: [],
        ],
        "checkpoint": [
            lambda v: v.replace("\n3\n", "\n4\n"),
            lambda v: v.replace("venturalitica/log/", "venturalitica/log/0"),
            lambda v: v.replace("\n3\n", "\n3\n\n"),
            lambda v: v + v.split("\n\n")[1],
            lambda v: swapped_digit(v, -10),
            lambda v: "",
        ],
        "keys": [
            lambda v: dict(list(v.items())[:1]),
            lambda v: dict(list(v.items())[1:]),
            lambda v: dict(zip(v, list(v.values())[::-1], strict=True)),
            lambda v: {k: pem.replace("\n-----END", "\n\n-----END") for k, pem in v.items()},
            lambda v: {},
        ],
        "envelope": [
            lambda v: v + " ",
            lambda v: swapped_digit(v, 200),
            lambda v: v.replace("in-toto+json", "in-toto+jsox"),
        ],
    }
    whole = json.loads(honest)
    assert fields.keys() == whole.keys()
    for name, changes in fields.items():
        for number, change in enumerate(changes):
            bundle = copy.deepcopy(whole)
            bundle[name] = change(bundle[name])
            assert spelt(bundle) != honest
            yield f"{name} {number}", spelt(bundle)
        yield f"no {name}", spelt({k: v for k, v in whole.items() if k != name})
    yield "a field more", spelt({**whole, "note": "x"})
    yield "a newline more", honest + b"\n"
    yield "the same field twice", honest[:-1] + b',"size":3}'


def altered_statements(honest: bytes) -> Iterator[tuple[str, bytes]]:
    """Each value of the signed statement altered, the signature left as it was."""
    whole = json.loads(honest)
    envelope = json.loads(whole["envelope"])
    statement = json.loads(base64.b64decode(envelope["payload"]))
    for path, parent, key in list(places(statement, "")):
        kept = parent[key]
        parent[key] = "altered" if kept != "altered" else "other"
        payload = base64.b64encode(spelt(statement)).decode()
        parent[key] = kept
        yield path, spelt({**whole, "envelope": spelt({**envelope, "payload": payload}).decode()})


def places(value: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in items:
            yield f"{path}/{key}", value, key
            yield from places(child, f"{path}/{key}")


def test_each_field_counts(honest: bytes, accepts: Callable[[bytes], bool]) -> None:
    assert accepts(honest)
    for name, data in altered_bundles(honest):
        assert not accepts(data), name
        assert not verify_bundle(data).ok, name


def test_each_value_of_the_statement_counts(
    honest: bytes, accepts: Callable[[bytes], bool]
) -> None:
    found = list(altered_statements(honest))
    assert len(found) > 60
    for name, data in found:
        assert not accepts(data), name


def test_bytes_count(honest: bytes, accepts: Callable[[bytes], bool]) -> None:
    # Every byte is gone through by `make torture`.
    for position in range(0, len(honest), 37):
        data = bytearray(honest)
        data[position] ^= 1
        assert not accepts(bytes(data)), position


def test_signed_again_by_a_stranger_needs_the_key_to_be_known(
    written: Path, tmp_path: Path, stranger, statement, script: Path, programs: Path
) -> None:
    ledger = Ledger.open(tmp_path / "anew", signer=stranger)
    ledger.append(statement(0))
    (tmp_path / "evidence.json").write_bytes(ledger.bundle(0))
    done = alone(programs, str(script), str(tmp_path / "evidence.json"))
    assert done.returncode == 0
    assert "NOT CHECKED whose keys" in done.stdout
    known = [path.stem for path in (written / "keys").iterdir()]
    done = alone(programs, str(script), str(tmp_path / "evidence.json"), *known)
    assert f"REJECTED  the key {stranger.keyid} (role: records) is not among" in done.stderr


def test_a_later_writers_seal_is_said(
    written: Path, stranger, statement, script: Path, programs: Path, tmp_path: Path
) -> None:
    ledger = Ledger.open(written, signer=stranger)
    ledger.append(statement(3))
    (tmp_path / "evidence.json").write_bytes(ledger.bundle(0))
    done = alone(programs, str(script), str(tmp_path / "evidence.json"))
    assert done.returncode == 0
    assert "NOT CHECKED the sealing key is of a later writer" in done.stdout
