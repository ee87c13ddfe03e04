"""The manifest of a model's files against three others: facts that the format's own library gave, a
second implementation with the standard library alone, and that library itself where it is here."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturalitica.core.manifest import MAX_FILES, REGISTRY_META, Manifest
from venturalitica.errors import DataError, EvidenceError
from venturalitica.provenance import model_files
from venturalitica.provenance.model_files import read_manifest

FACTS = Path(__file__).parents[1] / "data" / "model_signing" / "roots.json"
CASES: list[dict[str, Any]] = json.loads(FACTS.read_bytes())["cases"]
META = "model_name: credit\nmodel_version: '3'\n"


def written(folder: Path, files: Mapping[str, str | None]) -> Path:
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    return folder


def second_root(folder: Path) -> str:
    """As `docs/model-files.md` prints it: the standard library alone, and no code of ours."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    files.sort(key=lambda path: PurePosixPath(path.relative_to(folder)).parts)
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in files]
    return hashlib.sha256(b"".join(digests)).hexdigest()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_root_is_the_one_of_the_format(case: dict[str, Any], tmp_path: Path) -> None:
    found = read_manifest(written(tmp_path, case["files"]))
    assert found.root == case["root"] == second_root(tmp_path)
    assert list(found.files) == case["names"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_library_of_the_format_gives_these_facts(case: dict[str, Any], tmp_path: Path) -> None:
    hashing = pytest.importorskip("model_signing.hashing")
    config = hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
    found = list(config.hash(written(tmp_path, case["files"])).resource_descriptors())
    assert [item.identifier for item in found] == case["names"]
    joined = b"".join(item.digest.digest_value for item in found)
    assert hashlib.sha256(joined).hexdigest() == case["root"]


parts = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=5
).filter(lambda part: part not in (".", ".."))
names = st.lists(parts, min_size=1, max_size=4).map("/".join)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
some_files = st.dictionaries(names, digests, min_size=1, max_size=12)


@given(some_files, st.randoms(use_true_random=False))
def test_the_order_is_that_of_posix_paths_whatever_order_they_come_in(
    files: dict[str, str], shuffle: random.Random
) -> None:
    listed = list(files.items())
    shuffle.shuffle(listed)
    found = Manifest.over(dict(listed))
    assert list(found.files) == sorted(files, key=lambda name: PurePosixPath(name).parts)
    assert Manifest.of(json.loads(json.dumps(found.to_json()))) == found


@given(some_files, st.data())
def test_a_changed_byte_a_renamed_a_new_and_a_lost_file_are_found(
    files: dict[str, str], data: st.DataObject
) -> None:
    before = Manifest.over(files)
    name = data.draw(st.sampled_from(sorted(files)))
    other = bytes(byte ^ 1 for byte in bytes.fromhex(files[name])).hex()
    fresh = f"{name} renamed"
    rest = {key: value for key, value in files.items() if key != name}
    assert before.changes(before) == ()
    assert Manifest.over(files | {name: other}).root != before.root
    assert before.changes(Manifest.over(files | {name: other})) == (f"{name} has other bytes",)
    if fresh not in files:
        renamed = before.changes(Manifest.over(rest | {fresh: files[name]}))
        assert renamed == (f"{name} is not there", f"{fresh} is new")
        assert before.changes(Manifest.over(files | {fresh: other})) == (f"{fresh} is new",)


def test_the_root_alone_does_not_see_a_renamed_file(tmp_path: Path) -> None:
    before = read_manifest(written(tmp_path / "a", {"model.pkl": "p", "MLmodel": "m"}))
    after = read_manifest(written(tmp_path / "b", {"model.bin": "p", "MLmodel": "m"}))
    assert before.root == after.root
    assert before.changes(after) == ("model.bin is new", "model.pkl is not there")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"method": "folder"}, "method is not"),
        ({"files": []}, "lists no files"),
        ({"files": [{"name": "a"}]}, "without a name or digest"),
        ({"files": [{"name": "../a", "sha256": "0" * 64}]}, "without a name or digest"),
        ({"files": [{"name": "/a", "sha256": "0" * 64}]}, "without a name or digest"),
        ({"root": "0" * 64}, "root is not the one"),
        ({"left_out": ["model.pkl"]}, "leaves out more than"),
    ],
)
def test_a_record_of_anybody_is_held_against_itself(wrong: dict[str, Any], said: str) -> None:
    right = Manifest.over({"a": "1" * 64, "b": "2" * 64}).to_json()
    with pytest.raises(EvidenceError, match=said):
        Manifest.of(right | wrong)
    for files in (right["files"][::-1], right["files"] + right["files"][:1]):
        with pytest.raises(EvidenceError, match="not in their order, or one is twice"):
            Manifest.of(right | {"files": files})
    nothings: tuple[Any, ...] = (None, [], "x")
    for nothing in nothings:
        with pytest.raises(EvidenceError, match="method is not"):
            Manifest.of(nothing)


def test_what_mlflow_adds_is_left_out_and_named(tmp_path: Path) -> None:
    plain = read_manifest(written(tmp_path / "a", {"MLmodel": "m", "d/registered_model_meta": "x"}))
    fetched = written(tmp_path / "b", {"MLmodel": "m", "d/registered_model_meta": "x"})
    (fetched / REGISTRY_META).write_text(META)
    found = read_manifest(fetched)
    assert (found.root, found.files) == (plain.root, plain.files)
    assert (plain.left_out, found.left_out) == ((), (REGISTRY_META,))


@pytest.mark.parametrize(
    "content", ["", "payload", f"{META}more: 1\n", "model_version: '3'\n", META + "x" * 5000]
)
def test_by_its_name_alone_nothing_is_left_out(tmp_path: Path, content: str) -> None:
    folder = written(tmp_path, {"MLmodel": "m", REGISTRY_META: content})
    assert REGISTRY_META in read_manifest(folder).files


@pytest.mark.parametrize("name", ["credit", "a" * 300, "credit risk " * 30, "1", "yes: no", "é\t#"])
def test_mlflows_own_file_is_known_whatever_the_model_is_called(tmp_path: Path, name: str) -> None:
    yaml = pytest.importorskip("mlflow.utils.yaml_utils")
    written(tmp_path, {"MLmodel": "m"})
    for version in ("3", None):
        data = {"model_name": name if version else None, "model_version": version}
        yaml.write_yaml(
            str(tmp_path), REGISTRY_META, data, overwrite=True, ensure_yaml_extension=False
        )
        assert read_manifest(tmp_path).left_out == (REGISTRY_META,)


def test_a_link_is_refused_and_so_is_what_is_no_file(tmp_path: Path) -> None:
    folder = written(tmp_path / "model", {"weights": "w", "inner/": None})
    for target in ("weights", "inner", "gone", str(tmp_path)):
        link = folder / "inner" / "link"
        link.symlink_to(target)
        with pytest.raises(DataError, match=r"link: a symbolic link.*cp -rL"):
            read_manifest(folder)
        link.unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(DataError, match="neither a file nor a folder"):
        read_manifest(folder)
    (folder / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(os.path.relpath(folder / "door"))
        with pytest.raises(DataError, match="neither a file nor a folder"):
            read_manifest(folder)
    (folder / "door").unlink()
    (tmp_path / "latest").symlink_to(folder)
    assert read_manifest(tmp_path / "latest") == read_manifest(folder)


def test_no_folder_no_files_and_odd_bytes_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read_manifest(tmp_path / "gone")
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no file"):
        read_manifest(tmp_path / "empty")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / REGISTRY_META).write_text(META)
    with pytest.raises(DataError, match="holds no file"):
        read_manifest(tmp_path / "meta")
    (tmp_path / "model.pkl").write_bytes(b"p")
    with pytest.raises(DataError, match="a file; expected the folder"):
        read_manifest(tmp_path / "model.pkl")
    (tmp_path / "bytes").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bytes/\xff")).write_bytes(b"")
    with pytest.raises(DataError, match="no Unicode text"):
        read_manifest(tmp_path / "bytes")


def test_a_folder_that_nobody_may_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path, {"inner/file": "x"})

    def refuse(path: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="Permission denied"):
        read_manifest(folder)


def test_more_files_than_a_record_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "MAX_FILES", 2)
    with pytest.raises(DataError, match="3 files; a record names 2"):
        read_manifest(written(tmp_path, {"a": "", "b": "", "c": ""}))
    assert MAX_FILES == 20_000


@pytest.mark.parametrize("change", ["append", "add", "remove", "replace", "rename"])
def test_files_that_change_while_they_are_read(tmp_path: Path, change: str) -> None:
    folder = written(tmp_path, {"a": "1" * 10, "b": "2" * 10, "c/d": "3"})

    def interfere(done: int, total: int) -> None:
        if done != total:
            return
        if change == "append":
            (folder / "a").write_text("1" * 10 + "more")
        if change == "add":
            (folder / "c" / "new").write_text("x")
        if change == "remove":
            (folder / "a").unlink()
        if change == "replace":
            (folder / "other").write_text("1" * 10)
            (folder / "other").rename(folder / "a")
        if change == "rename":
            (folder / "a").rename(folder / "e")

    with pytest.raises(DataError, match="changed while"):
        read_manifest(folder, progress=interfere)


def test_progress_goes_within_a_large_file_and_memory_does_not(tmp_path: Path) -> None:
    import tracemalloc

    size = 64 << 20
    with (tmp_path / "weights").open("wb") as file:
        file.truncate(size)
    (tmp_path / "MLmodel").write_text("m")
    told: list[tuple[int, int]] = []
    tracemalloc.start()
    found = read_manifest(tmp_path, progress=lambda done, total: told.append((done, total)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 << 20
    assert len(told) > 50
    assert told[-1] == (size + 1, size + 1)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert found.files["weights"] == hashlib.sha256(bytes(size)).hexdigest()


def test_the_page_of_the_documentation_computes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(__file__).parents[2] / "docs" / "model-files.md"
    code = page.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    files = CASES[2]["files"]
    written(tmp_path / "model", files)
    (tmp_path / "model" / REGISTRY_META).write_text(META)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(page), "exec"), {})
    assert capsys.readouterr().out.split()[-1] == CASES[2]["root"]
    shutil.rmtree(tmp_path / "model")
