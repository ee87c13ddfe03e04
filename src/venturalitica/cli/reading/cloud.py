"""Data at an address: object stores and https, through fsspec (the extra `cloud`).

`s3://`, `gs://`, `az://` (`abfs://`) and `https://`. Credentials are what the store's own library
finds in the environment; none is taken from an address, and none stands in what is said.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from venturalitica.cli.reading.engine import first_line
from venturalitica.cli.reading.places import (
    DataFile,
    hidden,
    keys_of,
    kind_of,
    refuse_table_format,
    version_of,
)
from venturalitica.core.redact import redact_uri
from venturalitica.errors import DataError, MissingExtra

_STORES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "https": "aiohttp",
    "http": "aiohttp",
}
"""Schemes that are read, and the library that reads each through fsspec."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ADVICE = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME, and a key or a signed-in identity",
    "abfs": "set AZURE_STORAGE_ACCOUNT_NAME, and a key or a signed-in identity",
}
_CREDENTIALS = re.compile(r"[^:]+://(?:[^/]*@|[^/@:]+:(?!\d+/)[^@]*@)")
"""A user before the host; a key of S3 may hold a slash."""
_PATIENCE = 60.0
"""Seconds in which a server sends something; a whole file may take as long as it takes."""


def find_objects(address: str) -> list[DataFile]:
    """The files that an address names: one object, all below a prefix, or those of a glob.

    Raises:
        DataError: a scheme that is not read, credentials in the address, nothing there, no access.
        MissingExtra: what reads such an address is not installed.
    """
    parts = urlsplit(address)
    scheme, said = parts.scheme.lower(), said_of(address)
    if scheme not in _STORES:
        known = ", ".join(f"{each}://" for each in _STORES if each != "http")
        raise DataError(f"{said}: data are read from {known}, from a table or from files")
    if scheme == "http" and parts.hostname not in _LOOPBACK:
        raise DataError(f"{said}: anybody on the way could change it; use https://")
    if _CREDENTIALS.match(address):
        raise DataError(f"{said}: the address holds credentials; set them in the environment")
    files = _system(address, scheme)
    try:
        if scheme.startswith("http"):
            return [_web_file(files, address, said)]
        return _objects(files, address, scheme)
    except (DataError, MissingExtra):
        raise
    except Exception as error:
        raise refusal(said, error, scheme) from error


def said_of(address: str) -> str:
    """The address as it may be said: without what is signed or secret in it."""
    return redact_uri(address.partition("?")[0] if "://" in address else address)


def _system(address: str, scheme: str) -> Any:
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(address, **(_web_options() if scheme.startswith("http") else {}))[0]
    except ImportError:
        raise MissingExtra(f"{_STORES[scheme]}, which reads {scheme}://,", "cloud") from None
    except Exception as error:
        raise refusal(said_of(address), error, scheme) from error


def _web_options() -> dict[str, Any]:
    from aiohttp import ClientTimeout

    patience = ClientTimeout(total=None, sock_connect=_PATIENCE, sock_read=_PATIENCE)
    # The bytes as they are, and as many as the server says.
    return {
        "headers": {"Accept-Encoding": "identity"},
        "client_kwargs": {"timeout": patience, "auto_decompress": False},
    }


def _objects(files: Any, address: str, scheme: str) -> list[DataFile]:
    path = files._strip_protocol(address)
    if files.isfile(path):
        return [_object(files, path, scheme, "", files.info(path))]
    if glob.has_magic(path):
        plain = path[: next(place for place, sign in enumerate(path) if sign in "*?[")]
        found, root = files.glob(path, detail=True), plain.rpartition("/")[0] + "/"
    else:
        found, root = files.find(path, detail=True), path.rstrip("/") + "/"
    kept = []
    for name, facts in sorted(found.items()):
        below = name[len(root) :].split("/")
        refuse_table_format(f"{scheme}://{root.rstrip('/')}", below)
        if facts["type"] == "file" and not any(map(hidden, below)):
            kept.append(_object(files, name, scheme, root, facts))
    if not kept:
        raise FileNotFoundError
    return kept


def _object(files: Any, path: str, scheme: str, root: str, facts: Mapping[str, Any]) -> DataFile:
    said = f"{scheme}://{path}"
    kind, packed = kind_of(path.rpartition("/")[2], said)
    root = root and f"{scheme}://{root}"
    keys = keys_of(said, root) if root else ()
    size, version = int(facts["size"]), version_of(facts)
    return DataFile(said, said, kind, packed, size, said, root, keys, files, version)


def _web_file(files: Any, address: str, said: str) -> DataFile:
    kind, packed = kind_of(urlsplit(address).path.rpartition("/")[2], said)
    return DataFile(said, "", kind, packed, 0, address, files=files)


def is_web(file: DataFile) -> bool:
    """Whether it is a file of a server, which is fetched once and whole."""
    return file.files is not None and file.path.startswith(("http:", "https:"))


def web_pieces(file: DataFile) -> tuple[int, Iterator[bytes]]:
    """How many bytes a server's file has, 0 where it does not say, and the bytes, in one answer.

    Raises:
        DataError: there is none, or nobody could tell whether all of it came.
    """
    try:
        # With a size it does not ask for one first, which a signed address may not allow.
        stream = file.files.open(file.path, block_size=0, size=1)
    except Exception as error:
        raise refusal(file.name, error) from error
    try:
        length = _checked_length(file, stream.r)
    except BaseException:
        stream.close()
        raise
    return length, _streamed(file, stream)


def _checked_length(file: DataFile, answer: Any) -> int:
    for each in (*answer.history, answer):
        if each.url.scheme == "http" and each.url.host not in _LOOPBACK:
            raise DataError(f"{file}: leads to http://, where anybody on the way could change it")
    length, chunked = answer.headers.get("Content-Length"), answer.headers.get("Transfer-Encoding")
    if answer.status != 200:
        raise DataError(f"{file}: the server answers {answer.status} in place of the file")
    if length is None and chunked is None:
        # Such an answer ends where the connection does, also half way.
        raise DataError(
            f"{file}: the server does not say how long the file is, so that nobody could tell "
            "whether all of it came: download it, and check the file"
        )
    if answer.headers.get("Content-Encoding", "identity") != "identity" and file.packed == "none":
        raise DataError(
            f"{file}: the server packs it on its own account "
            f"({answer.headers['Content-Encoding']}): download it, and check the file"
        )
    return int(length or 0)


def _streamed(file: DataFile, stream: Any) -> Iterator[bytes]:
    try:
        while piece := stream.read(1 << 20):
            yield piece
    except Exception as error:
        raise refusal(file.name, error) from error
    finally:
        stream.close()


def refusal(said: str, error: Exception, scheme: str = "") -> DataError:
    """A store's error in our words: its own may hold keys, tokens or signed addresses."""
    scheme = scheme or said.partition("://")[0]
    name = type(error).__name__
    if name == "FileExpired":
        return changed(said)
    status = getattr(error, "status", None)
    cause = type(error.__cause__).__name__
    if isinstance(error, FileNotFoundError) and "Connect" in cause:
        name = cause  # fsspec tells no server that does not answer from a file that it lacks
    elif isinstance(error, FileNotFoundError):
        return DataError(f"{said}: nothing is there, or it may not be listed")
    if region := _region_of(error):
        return DataError(
            f"{said}: the bucket is in the region {region}, and another was asked: set "
            f"AWS_DEFAULT_REGION={region}"
        )
    if isinstance(error, PermissionError) or status in (401, 403):
        return DataError(f"{said}: access was denied to these credentials{_advice(scheme)}")
    if "credential" in name.lower() or "DefaultCredentials" in name:
        return DataError(f"{said}: no credentials were found{_advice(scheme)}")
    if (
        isinstance(error, OSError | EOFError | TimeoutError)
        or "Connection" in name
        or "Payload" in name
    ):
        return DataError(
            f"{said}: the connection failed or broke before all was read ({name}); nothing was "
            "judged; try again"
        )
    return DataError(f"{said}: cannot be read ({name}: {first_line(error)})")


def _region_of(error: Exception) -> str:
    """Where a bucket is, if S3 refuses because another region was asked for it."""
    answer = getattr(error.__cause__, "response", None)
    facts = answer.get("ResponseMetadata", {}) if isinstance(answer, Mapping) else {}
    if facts.get("HTTPStatusCode") not in (301, 307, 400):
        return ""
    region = str(facts.get("HTTPHeaders", {}).get("x-amz-bucket-region", ""))
    return region if re.fullmatch(r"[a-z0-9-]{1,32}", region) else ""


def _advice(scheme: str) -> str:
    return f"; {_ADVICE[scheme]}" if scheme in _ADVICE else ""


def changed(said: str) -> DataError:
    """The error for an object that is no longer what it was found to be."""
    return DataError(
        f"{said}: it changed while it was read; nothing was judged of two versions; try again when "
        "nobody writes it"
    )
