"""What is fetched: each byte once, whole, of one version, and gone afterwards."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from tests.stores import SECRET, web_server
from venturalitica.cli.reading import data_files
from venturalitica.cli.reading.data_files import find_files, read_table
from venturalitica.errors import DataError
from venturalitica.ledger.formats.dsse import statement_of

POLICY = """\
policy: loans
version: "1"
roles: {target: {favorable: 1}}
controls: [{id: right, metric: accuracy, must: ">= 0.60"}]
"""
ROWS = 30_000
CHANCE = random.Random(1)
ROLES = ["--target", "y", "--prediction", "p"]
COLUMNS: dict[str, list[Any]] = {
    "y": [n % 2 for n in range(ROWS)],
    "p": [n % 2 for n in range(ROWS)],
    "wide": [CHANCE.randbytes(100).hex() for _ in range(ROWS)],
}


def as_csv(separator: str = ",") -> bytes:
    lines = [COLUMNS, *zip(*COLUMNS.values(), strict=True)]
    return "\n".join(separator.join(map(str, line)) for line in lines).encode()


def as_json() -> bytes:
    pairs = zip(COLUMNS["y"], COLUMNS["p"], strict=True)
    return b"".join(b'{"y": %d, "p": %d}\n' % pair for pair in pairs)


def as_feather() -> bytes:
    sink = io.BytesIO()
    feather.write_feather(pa.table(COLUMNS), sink, compression="uncompressed")
    return sink.getvalue()


def as_parquet() -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table(COLUMNS), sink, row_group_size=10_000)
    return sink.getvalue()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@pytest.fixture
def on_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are many, and stay on the engine."""
    monkeypatch.setattr(data_files, "LAZY_ABOVE", 10)


def ranges(store: Any, path: str) -> list[tuple[int, int]]:
    """What was got of an object, first and last byte, in order."""
    found = [asked for method, at, asked in store.asked if (method, at) == ("GET", path)]
    return sorted(
        (int(first), int(last)) for first, last in (each[6:].split("-") for each in found)
    )


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(
    ("name", "content"), [("d.csv", as_csv()), ("d.jsonl", as_json()), ("d.feather", as_feather())]
)
def test_no_byte_of_an_object_is_fetched_twice(
    bucket, store, call, project, temporary, monkeypatch, name, content, many
):
    if many:
        monkeypatch.setattr(data_files, "LAZY_ABOVE", 10)
    monkeypatch.setattr("venturalitica.cli.reading.fetching._PIECE", 500_000)
    (project / "model_policy.yaml").write_text(POLICY)
    bucket.pipe_file(f"data/set/k=1/{name}", content)
    store.asked.clear()
    result = call("check", "s3://data/set", *ROLES)
    assert result.exit_code == 0, result.stderr
    got = ranges(store, f"/data/set/k=1/{name}")
    assert sum(last + 1 - first for first, last in got) == len(content)
    assert [first for first, _ in got] == [0, *(last + 1 for _, last in got[:-1])]
    assert not list(temporary.iterdir())


def test_of_parquet_in_a_store_named_columns_are_fetched(bucket, store):
    content = as_parquet()
    bucket.pipe_file("data/d.parquet", content)
    with parquet.ParquetFile(io.BytesIO(content)) as file:
        chunks = [file.metadata.row_group(g).column(2) for g in range(3)]
    wide = [
        (c.dictionary_page_offset or c.data_page_offset, c.total_compressed_size) for c in chunks
    ]
    store.asked.clear()
    table = read_table(["s3://data/d.parquet"])
    table.read(["y", "p"])
    relation = table.relation(["y", "p"])
    for _ in range(3):
        assert relation.aggregate("count(*), sum(y)").fetchall() == [(ROWS, ROWS // 2)]
    got = ranges(store, "/data/d.parquet")
    assert sum(last + 1 - first for first, last in got) < len(content) / 5
    for begin, size in wide:
        assert not any(first <= begin + size // 2 <= last for first, last in got)


def test_an_object_that_changes_after_it_was_found_is_refused(bucket):
    bucket.pipe_file("data/d.parquet", as_parquet())
    table = read_table(["s3://data/d.parquet"])
    bucket.pipe_file("data/d.parquet", as_parquet()[:-9] + b"123456789")
    with pytest.raises(DataError, match=r"^s3://data/d.parquet: it changed while it was read"):
        table.read(["y"])


def test_an_object_that_changes_while_it_is_fetched_is_refused(
    bucket, call, project, temporary, monkeypatch
):
    from venturalitica.cli.reading.pinned import PinnedFile

    (project / "model_policy.yaml").write_text(POLICY)
    content = as_csv()
    bucket.pipe_file("data/d.csv", content)
    monkeypatch.setattr("venturalitica.cli.reading.fetching._PIECE", 500_000)
    real = PinnedFile.read

    def read(self: PinnedFile, size: int = -1) -> bytes:
        if self.tell():  # somebody writes meanwhile
            bucket.pipe_file("data/d.csv", content.replace(b"0", b"1"))
        return real(self, size)

    monkeypatch.setattr(PinnedFile, "read", read)
    result = call("check", "s3://data/d.csv", *ROLES)
    assert result.exit_code == 2
    assert "s3://data/d.csv: it changed while it was read; nothing was judged" in result.stderr
    assert not (project / ".venturalitica" / "log").exists()
    assert not list(temporary.iterdir())


def test_one_that_changes_while_many_rows_are_counted_is_on_record(
    bucket, call, project, monkeypatch, on_engine
):
    (project / "model_policy.yaml").write_text(POLICY)
    monkeypatch.setattr(data_files, "_FEW_BYTES", 0)
    bucket.pipe_file("data/d.parquet", as_parquet())
    real = data_files.judged_table

    def handed_over(*arguments: Any) -> Any:
        found = real(*arguments)
        bucket.pipe_file("data/d.parquet", as_parquet()[:-9] + b"123456789")
        return found

    monkeypatch.setattr(data_files, "judged_table", handed_over)
    result = call("check", "s3://data/d.parquet", *ROLES)
    assert result.exit_code == 1
    (line,) = (project / ".venturalitica" / "log" / "entries.jsonl").read_bytes().splitlines()
    (verdict,) = statement_of(line).predicate["verdicts"]
    assert verdict["status"] == "error"
    assert "stopped before all rows were counted" in verdict["reason"]


def test_a_store_that_is_not_asked_for_a_version_is_asked_which_it_was():
    """As Google's and Azure's: fsspec reads ranges of whatever is there by then."""
    from fsspec.implementations.memory import MemoryFileSystem

    from venturalitica.cli.reading.pinned import PinnedFile
    from venturalitica.cli.reading.places import DataFile, version_of

    files = MemoryFileSystem()
    files.pipe_file("/b/d.parquet", b"0123456789")
    version = version_of(files.info("/b/d.parquet"))
    at = "memory://b/d.parquet"
    file = DataFile(at, at, "parquet", "none", 10, at, files=files, version=version)
    source = PinnedFile(file)
    source.seek(2)
    assert source.read(3) == b"234"
    files.pipe_file("/b/d.parquet", b"9876543210")
    with pytest.raises(DataError, match="it changed while it was read"):
        source.read(3)
    with pytest.raises(DataError, match="it changed while it was read"):
        PinnedFile(file)


def test_a_large_file_of_a_server_goes_through_little_memory(web, temporary, tmp_path):
    """300 MB, which is more than was ever held; this process may have 200 MB more than it has."""
    line = b"1,1\n" * (1 << 18)
    web.files = {"/d.csv": b"y,p\n" + line * 300}
    code = (
        "import resource, sys\n"
        "from venturalitica.cli.reading.data_files import find_files\n"
        "from fsspec.core import url_to_fs\n"
        "url_to_fs('https://127.0.0.1/d.csv')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "(file,) = find_files([sys.argv[1]])\n"
        "print(file.size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, f"{web.at}/d.csv"], capture_output=True, text=True, check=True
    )
    size, kilobytes = map(int, found.stdout.split())
    assert size == len(web.files["/d.csv"])
    assert kilobytes < 100_000
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Content-Length": str(10**18)}, "has 1,000,000,000,000,000,000 bytes, and the disk of"),
        ({"Content-Length": None}, "does not say how long the file is"),
        ({"Content-Encoding": "br"}, "packs it on its own account (br)"),
    ],
)
def test_an_answer_that_cannot_be_kept_or_trusted_is_refused(web, temporary, headers, said):
    web.files, web.headers = {"/d.csv": as_csv()}, headers
    with pytest.raises(DataError) as caught:
        find_files([f"{web.at}/d.csv?token={SECRET}"])
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert not list(temporary.iterdir())


def test_one_that_leads_to_a_way_without_protection_is_refused(web, temporary):
    web.files = {"/d.csv": as_csv()}
    assert find_files([f"{web.at}/moved/d.csv"])[0].size == len(as_csv())
    with web_server("127.0.0.2") as other:
        other.files, web.elsewhere = web.files, other.at
        with pytest.raises(DataError, match=r"d\.csv: leads to http://"):
            find_files([f"{web.at}/moved/d.csv"])


def run(web: Any, *, before: str = "") -> subprocess.Popen[str]:
    """Another process, which fetches a file and says so."""
    code = (
        f"import sys\n{before}\n"
        "from venturalitica.cli import main\n"
        "sys.argv = ['vl', 'check', sys.argv[1], '--target', 'y', '--prediction', 'p']\n"
        "sys.exit(main())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, f"{web.at}/d.csv?token={SECRET}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_disk_that_is_full_is_said_and_nothing_is_judged(web, project, temporary):
    (project / "model_policy.yaml").write_text(POLICY)
    web.files = {"/d.csv": as_csv()}
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))"
    process = run(web, before=limit)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    assert f"the disk of {temporary} is full; set TMPDIR to a folder with more room" in errors
    assert SECRET not in errors
    assert "Traceback" not in errors
    assert not list(temporary.iterdir())
    assert not (project / ".venturalitica" / "log").exists()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_what_was_fetched_goes_with_the_process(web, project, temporary, by):
    (project / "model_policy.yaml").write_text(POLICY)
    web.files, web.waits = {"/d.csv": as_csv()}, threading.Event()
    process = run(web)
    try:
        deadline = time.monotonic() + 60
        while not [each for each in temporary.rglob("0") if each.stat().st_size]:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (folder,) = temporary.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        os.kill(process.pid, by)
        process.wait(timeout=30)
    finally:
        process.kill()
        web.waits.set()
        process.communicate()
    web.waits = None
    if by == signal.SIGKILL:
        assert list(temporary.iterdir()) == [folder]
        find_files([f"{web.at}/d.csv"])  # the next one that fetches sweeps
    else:
        assert process.returncode == 130
    assert not list(temporary.iterdir())


def test_a_folder_that_is_in_use_is_left_alone(web, temporary):
    web.files = {"/d.csv": as_csv()}
    kept = find_files([f"{web.at}/d.csv"])
    assert find_files([f"{web.at}/d.csv"])[0].size == kept[0].size
    assert Path(kept[0].path).read_bytes() == as_csv()


def test_names_in_a_bucket_choose_no_place_on_this_machine(bucket, temporary):
    for key in ("set/k=1/d.csv", "set/k=..%2F..%2Fx/d.csv", "set/k=a b/d.csv"):
        bucket.pipe_file(f"data/{key}", b"n,m\n1,2\n")
    table = read_table(["s3://data/set"])
    assert sorted(table["k"].tolist()) == ["../../x", "1", "a b"]
    assert {path.parent.name for path in temporary.rglob("*") if path.is_file()} <= {
        *("k=1", "k=..%2F..%2Fx", "k=a b"),
        next(temporary.iterdir()).name,
    }
