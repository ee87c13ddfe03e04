"""A PostgreSQL of its own for tests, on loopback; `make .venv/.system` installs it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PASSWORD = "s/pa ss@word"
ENCODED = "s%2Fpa%20ss%40word"


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; None where PostgreSQL is not installed."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    on_path = shutil.which("initdb")
    found += [Path(on_path).resolve().parent] if on_path else []
    return next((folder for folder in found if (folder / "initdb").exists()), None)


@contextmanager
def postgresql(tools: Path) -> Iterator[str]:
    """The address of an empty database; it runs as another user than root."""
    # Below the temporary folder of root no other user may look.
    folder = Path(
        subprocess.run(
            ["mktemp", "-d", "/tmp/venturalitica-pg-XXXXXX"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    other: dict[str, Any] = {}
    if os.getuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
        other = {"user": "nobody", "group": "nogroup", "extra_groups": []}

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(tools / program), "-D", str(folder / "data"), *arguments],
            check=True,
            capture_output=True,
            cwd=folder,
            timeout=120,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            **other,
        )

    (folder / "password").write_text(PASSWORD)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        who = ["-U", "tester", "-A", "scram-sha-256", f"--pwfile={folder}/password"]
        # Most teams' databases sort as a language does, which is not the order of code points.
        order = ["--locale-provider=icu", "--icu-locale=en-US"]
        run("initdb", *who, *order, "-E", "UTF8", "--no-sync")
        where = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        run("pg_ctl", "-w", "-l", f"{folder}/data/log", "-o", where, "start")
        try:
            yield f"postgresql://tester:{ENCODED}@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
