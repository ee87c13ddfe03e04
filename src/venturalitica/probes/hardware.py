"""The machine: processor, cores, memory, graphics cards. Nothing that names its owner."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

_CPU_INFO = Path("/proc/cpuinfo")
_NVIDIA = Path("/proc/driver/nvidia/gpus")
_MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@cache
def hardware() -> dict[str, Any]:
    """What the run could use.

    `machine` (such as `x86_64`), `cpu` (model name or empty), `cpus` (logical processors of the
    machine), `cpus_usable` (those this process may use), `memory_bytes` and `memory_limit_bytes`
    (None where unknown or unlimited), `gpus` (model names; NVIDIA on Linux only, from the driver).
    """
    return {
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "cpus_usable": _usable_cpus(),
        "memory_bytes": _memory(),
        "memory_limit_bytes": _memory_limit(),
        "gpus": _gpus(),
    }


def _cpu_model() -> str:
    for line in _text(_CPU_INFO).splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "Hardware"):
            return value.strip()
    return platform.processor()


def _usable_cpus() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _memory_limit() -> int | None:
    for path in _MEMORY_LIMITS:
        text = _text(path).strip()
        # cgroup v1 writes "no limit" as a number near 2**63.
        if text.isdecimal() and int(text) < 1 << 60:
            return int(text)
    return None


def _gpus() -> list[str]:
    return [
        line.partition(":")[2].strip()
        for path in sorted(_NVIDIA.glob("*/information"))
        for line in _text(path).splitlines()
        if line.startswith("Model:")
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
