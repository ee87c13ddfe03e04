"""Data at an address, on servers of loopback: moto's S3, and a server of files."""

from __future__ import annotations

import gzip
import importlib
import io
import json
import re
import socket
import sys
from typing import Any

import pyarrow as pa
import pytest
import s3fs
from pyarrow import feather, parquet

from tests.stores import SECRET
from venturalitica.cli.reading import cloud
from venturalitica.cli.reading.data_files import find_files, read_table
from venturalitica.errors import DataError, MissingExtra

TABLE = pa.table({"n": [1, 2, 3], "g": ["x", "y", None]})


def values(table: Any) -> dict[str, list[Any]]:
    return {
        name: [None if value is None or value != value else value for value in table[name].tolist()]
        for name in table
    }


def parquet_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def feather_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    feather.write_feather(table, sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.parquet", parquet_bytes(TABLE)),
        ("d[1] é.parquet", parquet_bytes(TABLE)),
        ("d.feather", feather_bytes(TABLE)),
        ("d.csv", b"n,g\n1,x\n2,y\n3,\n"),
        ("d.csv.gz", gzip.compress(b"n,g\n1,x\n2,y\n3,\n", mtime=0)),
        ("d[1] é.jsonl", b'{"n":1,"g":"x"}\n{"n":2,"g":"y"}\n{"n":3}\n'),
    ],
)
def test_an_object_is_read_as_a_file_is(bucket, name, content):
    bucket.pipe_file(f"data/{name}", content)
    table = read_table([f"s3://data/{name}"])
    assert values(table) == TABLE.to_pydict()
    assert table.relation(["n", "g"]).fetchall() == list(
        zip(*TABLE.to_pydict().values(), strict=True)
    )


def test_prefixes_and_globs_of_a_bucket_are_sets_of_files(bucket):
    for year in (2025, 2026):
        bucket.pipe_file(f"data/set/year={year}/p.parquet", parquet_bytes(TABLE))
    bucket.pipe_file("data/set/_SUCCESS", b"")
    bucket.pipe_file("data/setting/other.parquet", b"no")
    expected = {**{name: [*column, *column] for name, column in TABLE.to_pydict().items()}}
    expected["year"] = [2025] * 3 + [2026] * 3
    for address in ("s3://data/set", "s3://data/set/", "s3://data/set/*/*.parquet"):
        assert values(read_table([address])) == expected
    assert [str(file) for file in find_files(["s3://data/set", "s3://data/set/"])] == [
        "s3://data/set/year=2025/p.parquet",
        "s3://data/set/year=2026/p.parquet",
    ]
    bucket.pipe_file("data/set/_delta_log/0.json", b"{}")
    with pytest.raises(DataError, match="is a Delta table"):
        find_files(["s3://data/set"])


POLICY = """\
policy: loans
version: "1"
roles: {target: {favorable: 1}}
controls: [{id: right, metric: accuracy, must: ">= 0.60"}]
"""


def test_check_judges_a_bucket_and_records_no_credentials(bucket, call, project):
    (project / "model_policy.yaml").write_text(POLICY)
    rows = pa.table({"y": [0, 1] * 50, "p": [0, 1] * 50})
    bucket.pipe_file("data/loans.parquet", parquet_bytes(rows))
    result = call(
        "check", "s3://data/loans.parquet", "--target", "y", "--prediction", "p", "--json"
    )
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["verdicts"][0]["value"] == 1.0
    written = b"".join(file.read_bytes() for file in project.rglob("*") if file.is_file())
    assert b"loans.parquet" in written
    assert SECRET.encode() not in written


def test_a_bucket_without_credentials_is_refused_and_says_what_to_set(
    bucket, call, project, monkeypatch
):
    (project / "model_policy.yaml").write_text(POLICY)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    result = call("check", "s3://data/loans.parquet", "--target", "y", "--prediction", "p")
    assert result.exit_code == 2
    assert "s3://data/loans.parquet: no credentials were found; set AWS_PROFILE" in result.stderr
    assert not (project / ".venturalitica" / "log").exists()


def test_what_a_store_refuses_is_said_without_a_secret(bucket, monkeypatch):
    for address, said in (
        ("s3://data/none.csv", "nothing is there"),
        ("s3://nowhere/none.csv", "nothing is there"),
        (f"s3://AKIAIOSFODNN7EXAMPLE:{SECRET}@data/d.csv", "the address holds credentials"),
        ("ftp://data/d.csv", "data are read from s3://"),
        ("http://example.com/d.csv", "use https://"),
    ):
        with pytest.raises(DataError, match=re.escape(said)) as caught:
            find_files([address])
        assert SECRET not in str(caught.value)
    denied = PermissionError(f"Access Denied for key {SECRET}")
    assert SECRET not in str(cloud.refusal("s3://data/d.csv", denied))
    assert "access was denied to these credentials; set AWS_PROFILE" in str(
        cloud.refusal("s3://data/d.csv", denied)
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(DataError, match="the connection failed or broke") as caught:
        find_files(["s3://data/d.csv"])
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("absent", "address", "said"),
    [
        ("fsspec.core", "s3://data/d.csv", "s3fs, which reads s3://"),
        ("s3fs", "s3://data/d.csv", "s3fs, which reads s3://"),
        ("gcsfs", "gs://data/d.csv", "gcsfs, which reads gs://"),
        ("adlfs", "az://data/d.csv", "adlfs, which reads az://"),
        ("aiohttp", "https://data/d.csv", "aiohttp, which reads https://"),
    ],
)
def test_what_reads_an_address_is_an_extra(monkeypatch, absent, address, said):
    importlib.import_module("fsspec")
    known = sys.modules["fsspec.registry"]._registry
    monkeypatch.delitem(known, address.partition(":")[0], raising=False)
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(MissingExtra, match=re.escape(said)) as caught:
        find_files([address])
    assert caught.value.extra == "cloud"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_of_a_server_is_read_with_and_without_pieces(web, ranges):
    web.ranges = ranges
    web.files = {"/d.csv": b"n,g\n1,x\n2,y\n3,\n", "/d.parquet": parquet_bytes(TABLE)}
    for name in web.files:
        assert values(read_table([f"{web.at}{name}?token=abc"])) == TABLE.to_pydict()
    with pytest.raises(DataError, match="nothing is there"):
        find_files([f"{web.at}/none.csv"])


def test_a_server_that_does_not_answer_is_no_missing_file():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    with pytest.raises(DataError, match="the connection failed"):
        find_files([f"http://127.0.0.1:{port}/d.csv"])


@pytest.mark.parametrize("name", ["d.csv", "d.parquet"])
def test_a_check_fetches_each_byte_of_a_server_once(web, call, project, name):
    (project / "model_policy.yaml").write_text(POLICY)
    columns = {name: [n % 2 for n in range(5_000)] for name in ("y", "p", "a", "b", "c")}
    lines = [columns, *zip(*columns.values(), strict=True)]
    text = "\n".join(",".join(map(str, line)) for line in lines).encode()
    content = text if name == "d.csv" else parquet_bytes(pa.table(columns))
    web.files = {f"/{name}": content}
    result = call("check", f"{web.at}/{name}", "--target", "y", "--prediction", "p")
    assert result.exit_code == 0, result.stderr
    assert web.sent == len(content)
    assert web.asked == ["GET"]  # a signed address may be for nothing else


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("name", ["d.csv", "d.parquet"])
def test_a_connection_that_breaks_half_way_judges_nothing(web, call, project, ranges, name):
    (project / "model_policy.yaml").write_text(POLICY)
    rows = 400_000
    columns = {"y": [n * 7919 % 1_000_003 for n in range(rows)], "p": [1] * rows}
    if name == "d.csv":
        content = b"y,p\n" + b"".join(b"%d,1\n" % (n % 2) for n in columns["y"])
    else:
        content = parquet_bytes(pa.table(columns))
    web.ranges, web.files, web.most = ranges, {f"/{name}": content}, len(content) // 2
    address = f"{web.at}/{name}?token={SECRET}"
    result = call("check", address, "--target", "y", "--prediction", "p")
    assert result.exit_code == 2
    assert "the connection failed or broke before all was read" in result.stderr
    assert SECRET not in result.stderr
    assert not (project / ".venturalitica" / "log").exists()


@pytest.mark.parametrize("status", [301, 400])
def test_a_bucket_of_another_region_is_said_with_that_region(bucket, web, monkeypatch, status):
    web.status, web.headers = status, {"x-amz-bucket-region": "eu-west-1"}
    monkeypatch.setenv("AWS_ENDPOINT_URL", web.at)
    s3fs.S3FileSystem.clear_instance_cache()
    for address in ("s3://data/d.csv", "s3://data/set/"):
        with pytest.raises(DataError, match="set AWS_DEFAULT_REGION=eu-west-1") as caught:
            find_files([address])
        assert SECRET not in str(caught.value)
