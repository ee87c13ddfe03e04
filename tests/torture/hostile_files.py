"""What may stand in the place of a file: links, pipes, devices, sockets, giants, moving targets."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torture.attacks import World, entries_of, lines_of, record
from venturalitica.core.encoding import sha256_hex
from venturalitica.errors import DataError, VenturaliticaError
from venturalitica.ledger import (
    Index,
    Ledger,
    Outbox,
    load_signer,
    read_keys,
    verify_bundle,
    verify_ledger,
)
from venturalitica.ledger.formats.dsse import sign_envelope
from venturalitica.ledger.records.vault import Pair, Vault
from venturalitica.policy import read_policy
from venturalitica.provenance import fingerprint as probe
from venturalitica.provenance.fingerprint import digest_source

PATIENCE = 30.0
PRECIOUS = b"precious words of the user's, without a line break at the end"
MEMORY = 700 * 1024 * 1024
"""What a reader may take beyond what the process had: a longest line (64 MB), parsed."""


# --- Strangers in the place of a file -------------------------------------------------------------


def places(world: World, folder: Path) -> str:
    """Every kind of stranger in the place of every file; each reader answers, and soon."""
    count = 0
    for kind in KINDS:
        for place in PLACES:
            home = folder / ".venturalitica"
            shutil.copytree(world.home, home)
            precious = folder / "precious"
            precious.write_bytes(PRECIOUS)
            reference = Vault(home).keep(Pair.of("a name"))
            path = home / place.format(
                key=f"{world.ours.keyid}.pem", pair=f"{reference['vault']}.json"
            )
            closing = KINDS[kind](path, precious)
            asked = answers(world, home, reference)
            closing()
            assert precious.read_bytes() == PRECIOUS, (kind, place)
            assert asked["verify"] is (place in HARMLESS), (kind, place, asked)
            shutil.rmtree(folder)
            folder.mkdir()
            count += len(asked)
    return f"{count} answers of {len(KINDS)} kinds in {len(PLACES)} places"


PLACES = (
    "log/entries.jsonl",
    "log/checkpoint",
    "keys/{key}",
    "receipts.jsonl",
    "cache/hashes.bin",
    "cache/offsets.bin",
    "index.db",
    "vault/{pair}",
)
HARMLESS = PLACES[3:]
"""What is no record (of the pair in the vault no record speaks): verifying must not mind it."""


def _link(path: Path, precious: Path) -> Callable[[], None]:
    path.unlink(missing_ok=True)
    path.symlink_to(precious)
    return lambda: None


def _dangling(path: Path, precious: Path) -> Callable[[], None]:
    """To a file that is not there: whoever opens it to write would make it."""
    path.unlink(missing_ok=True)
    path.symlink_to(precious.with_name("made"))

    def closing() -> None:
        assert not precious.with_name("made").exists(), path.name

    return closing


def _pipe(path: Path, precious: Path) -> Callable[[], None]:
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return lambda: None


def _device(path: Path, precious: Path) -> Callable[[], None]:
    """One that never ends."""
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")
    return lambda: None


def _socket(path: Path, precious: Path) -> Callable[[], None]:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    before = Path.cwd()
    os.chdir(path.parent)  # the name of a socket is at most 107 bytes long
    try:
        listening.bind(path.name)
    finally:
        os.chdir(before)
    return listening.close


def _folder(path: Path, precious: Path) -> Callable[[], None]:
    path.unlink(missing_ok=True)
    path.mkdir()
    return lambda: None


def _loop(path: Path, precious: Path) -> Callable[[], None]:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)
    return lambda: None


KINDS: dict[str, Callable[[Path, Path], Callable[[], None]]] = {
    "link": _link,
    "dangling link": _dangling,
    "pipe": _pipe,
    "device": _device,
    "socket": _socket,
    "folder": _folder,
    "loop": _loop,
}


def answers(world: World, home: Path, reference: dict[str, str]) -> dict[str, Any]:
    """What everybody who opens a ledger answers: a value, or the typed error."""
    return {
        "verify": soon(lambda: verify_ledger(home).ok),
        "runs": soon(lambda: _runs(home)),
        "entries": soon(lambda: len(list(Ledger.open(home).entries()))),
        "waiting": soon(lambda: len(Outbox(Ledger.open(home)).waiting())),
        "bundle": soon(lambda: len(Ledger.open(home).bundle(1))),
        "vault": soon(lambda: Vault(home).open(reference)),
        "keys": soon(lambda: len(read_keys(home / "keys"))),
        "append": soon(lambda: Ledger.open(home, signer=world.ours).append(record(99)).index),
        "failed": soon(lambda: Outbox(Ledger.open(home)).failed(0, "mlflow", "0" * 32, "no")),
    }


def _runs(home: Path) -> int:
    with Index.open(Ledger.open(home)) as index:
        return len(index.runs())


def soon(ask: Callable[[], Any]) -> Any:
    """The answer, or the typed error; an assertion fails where it waits or raises another."""
    got: list[Any] = []
    wrong: list[BaseException] = []

    def work() -> None:
        try:
            got.append(ask())
        except VenturaliticaError as error:
            got.append(error)
        except BaseException as error:  # noqa: BLE001 - judged below, in the thread that asserts
            wrong.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if wrong:
        raise AssertionError(f"not a typed error: {wrong[0]!r}") from wrong[0]
    assert got, "it waits for ever"
    return got[0]


def other_files(world: World, folder: Path) -> str:
    """The same in the place of files outside a ledger: policy, bundle, keys, data, signing key."""
    readers: dict[str, Callable[[Path], Any]] = {
        "model_policy.yaml": read_policy,
        "evidence.json": lambda path: verify_bundle(path).ok,
        "signer.pem": read_keys,
        "signing_key.pem": lambda path: load_signer(None, path.parent),
        "data.bin": lambda path: digest_source(path, context="input"),
        "data2.bin": lambda path: probe.file_digest(path),
    }
    precious = folder / "precious"
    precious.write_bytes(PRECIOUS)
    count = 0
    for kind, make in KINDS.items():
        for name, read in readers.items():
            path = folder / kind / name
            path.parent.mkdir(exist_ok=True)
            closing = make(path, precious)
            answer = soon(partial(_os_error_too, read, path))
            closing()
            followed = (kind, name) in READ
            refused = isinstance(answer, Exception) or answer is False
            assert refused is not followed, (kind, name, answer)
            count += 1
    return f"{count} answers"


READ = {("link", "data.bin"), ("link", "data2.bin"), ("folder", "data.bin")}
"""What a user may well name: a link to a data file, a folder of them."""


def _os_error_too(read: Callable[[Path], Any], path: Path) -> Any:
    """A user's own data file that is not there is the user's own OSError."""
    try:
        return read(path)
    except OSError as error:
        return error


# --- A file that changes while it is hashed -------------------------------------------------------


def swapped(folder: Path) -> str:
    """The digest recorded is of the bytes that were read, or there is none."""
    whole = hashlib.file_digest
    refused = 0
    for change in (_renamed_over, _written_into, _written_into_and_dated_back, _made_longer, _gone):
        path = folder / "data.bin"
        path.write_bytes(b"a" * 1_000_000)

        def digest_then(file: Any, name: str, change: Any = change, path: Path = path) -> Any:
            digest = whole(file, name)
            change(path)
            return digest

        hashlib.file_digest = digest_then  # type: ignore[assignment]
        try:
            probe.file_digest(path)
        except DataError:
            refused += 1
        finally:
            hashlib.file_digest = whole
    assert refused == 5, refused
    path.write_bytes(b"a")
    assert probe.file_digest(path) == (sha256_hex(b"a"), 1)
    return f"{refused} ways, each refused"


def _renamed_over(path: Path) -> None:
    path.with_name("other").write_bytes(b"b" * 1_000_000)
    path.with_name("other").replace(path)


def _written_into(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"b")


def _written_into_and_dated_back(path: Path) -> None:
    found = path.stat()
    _written_into(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def _made_longer(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"b")


def _gone(path: Path) -> None:
    path.unlink()


# --- Giants ---------------------------------------------------------------------------------------


def giants(world: World, folder: Path, *, short: bool) -> str:
    """Files and lines of 100 MB and more, each read in a process that may take only so much."""
    size = 100 * 1024 * 1024
    tasks: dict[str, Callable[[], Any]] = {}
    for name, place in (
        ("a line", "log/entries.jsonl"),
        ("a checkpoint", "log/checkpoint"),
        ("a key", f"keys/{world.ours.keyid}.pem"),
        ("a receipt", "receipts.jsonl"),
    ):
        home = folder / name.replace(" ", "-")
        shutil.copytree(world.home, home)
        sparse(home / place, size)
        tasks[name] = partial(_giant_answers, world, home, place)
    bundle, policy = folder / "evidence.json", folder / "model_policy.yaml"
    sparse(bundle, 2 * size)
    sparse(policy, size)
    tasks["a bundle"] = lambda: _refused(lambda: verify_bundle(bundle).ok)
    tasks["a policy"] = lambda: _refused(lambda: read_policy(policy))
    if not short:
        tasks |= _full_lines(world, folder)
    for name, task in tasks.items():
        told = within_memory(task)
        assert told == "refused", (name, told)
    return f"{len(tasks)} refused, each within {MEMORY >> 20} MB"


def sparse(path: Path, size: int) -> None:
    """A file of NULs that takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(size)


def _giant_answers(world: World, home: Path, place: str) -> None:
    found = verify_ledger(home)
    if place == "receipts.jsonl":
        assert found.ok, found.fault
        assert list(Outbox(Ledger.open(home)).attempts()) == []
        return
    assert not found.ok
    if place.startswith("log"):
        _refused(lambda: Ledger.open(home, signer=world.ours).append(record(99)))


def _refused(ask: Callable[[], Any]) -> None:
    try:
        answer = ask()
    except VenturaliticaError:
        return
    assert answer is False, answer


def _verifies(home: Path) -> bool:
    return verify_ledger(home).ok


def _full_lines(world: World, folder: Path) -> dict[str, Callable[[], Any]]:
    """Lines just short of the limit, that would be many times as large once parsed."""
    fillings = {
        "a line of lists": b"[" + b"[]," * 15_000_000 + b"[]]",
        "a line of names": b"{" + b",".join(b'"%d":1' % n for n in range(4_100_000)) + b"}",
        "a deep line": b"[" * 40_000_000,
    }
    tasks: dict[str, Callable[[], Any]] = {}
    for name, data in fillings.items():
        home = folder / name.replace(" ", "-")
        shutil.copytree(world.home, home)
        entries_of(home).write_bytes(b"".join(lines_of(home)[:1]) + data + b"\n")
        tasks[name] = partial(_refused, partial(_verifies, home))
    signed = folder / "signed"
    shutil.copytree(world.home, signed)
    payload = b'{"a":' + b"[" + b"0," * 10_000_000 + b"0]}"
    line = sign_envelope(payload, keyid=world.ours.keyid, sign=world.ours.sign).to_json()
    entries_of(signed).write_bytes(line + b"\n")
    tasks["a signed line of numbers"] = partial(_refused, partial(_verifies, signed))
    return tasks


def within_memory(task: Callable[[], Any]) -> str:
    """Run a task in a forked child that may take `MEMORY` more than it has; "refused", or what."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        word = "refused"
        try:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            most = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            task()
        except BaseException as error:  # noqa: BLE001 - the parent judges by the word
            word = f"{type(error).__name__}: {str(error)[:300]}"
        os.write(writing, word.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        word = stream.read()
    os.waitpid(child, 0)
    return word or "the process was killed"
