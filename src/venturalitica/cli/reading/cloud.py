"""Data at an address: object stores and https, through fsspec (the extra `cloud`).

`s3://`, `gs://`, `az://` (`abfs://`) and `https://`. Credentials are what the store's own library
finds in the environment; none is taken from an address, and none stands in what is said.
"""

from __future__ import annotations

import glob
import re
from typing import Any
from urllib.parse import urlsplit

from venturalitica.cli.reading.engine import first_line
from venturalitica.cli.reading.places import DataFile, hidden, keys_of, kind_of, refuse_table_format
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
_IN_MEMORY = 256 * 1024 * 1024
"""So many bytes are held of a file of https."""


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

        return url_to_fs(address)[0]
    except ImportError:
        raise MissingExtra(f"{_STORES[scheme]}, which reads {scheme}://,", "cloud") from None
    except Exception as error:
        raise refusal(said_of(address), error, scheme) from error


def _objects(files: Any, address: str, scheme: str) -> list[DataFile]:
    path = files._strip_protocol(address)
    if files.isfile(path):
        return [_object(files, path, scheme, "", files.size(path))]
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
            kept.append(_object(files, name, scheme, root, facts["size"]))
    if not kept:
        raise FileNotFoundError
    return kept


def _object(files: Any, path: str, scheme: str, root: str, size: int) -> DataFile:
    said = f"{scheme}://{path}"
    kind, packed = kind_of(path.rpartition("/")[2], said)
    root = root and f"{scheme}://{root}"
    keys = keys_of(said, root) if root else ()
    return DataFile(
        said, f"{scheme}://{glob.escape(path)}", kind, packed, size, said, root, keys, files
    )


def _web_file(files: Any, address: str, said: str) -> DataFile:
    """One file of a server, fetched once: it is read several times over."""
    kind, packed = kind_of(urlsplit(address).path.rpartition("/")[2], said)
    from fsspec.implementations.memory import MemoryFileSystem

    content = bytearray()
    with files.open(address, block_size=0) as stream:
        while piece := stream.read(1 << 20):
            content += piece
            if len(content) > _IN_MEMORY:
                raise DataError(
                    f"{said}: more than {_IN_MEMORY:,} bytes, the most that is held of a server's "
                    "file: download it, and check the file"
                )
    memory = MemoryFileSystem()
    path = f"venturalitica/{len(memory.store)}/{said.rpartition('/')[2]}"
    memory.pipe_file(path, bytes(content))
    at = f"memory://{glob.escape(path)}"
    return DataFile(said, at, kind, packed, len(content), f"memory://{path}", files=memory)


def refusal(said: str, error: Exception, scheme: str = "") -> DataError:
    """A store's error in our words: its own may hold keys, tokens or signed addresses."""
    scheme = scheme or said.partition("://")[0]
    name = type(error).__name__
    status = getattr(error, "status", None)
    cause = type(error.__cause__).__name__
    if isinstance(error, FileNotFoundError) and "Connect" in cause:
        name = cause  # fsspec tells no server that does not answer from a file that it lacks
    elif isinstance(error, FileNotFoundError):
        return DataError(f"{said}: nothing is there, or it may not be listed")
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


def _advice(scheme: str) -> str:
    return f"; {_ADVICE[scheme]}" if scheme in _ADVICE else ""
