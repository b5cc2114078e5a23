"""How many cores this process may use: those of the machine, less what it is bound to, less what a container is allowed."""

import os
from pathlib import Path
from typing import Final

_CGROUP: Final = Path("/sys/fs/cgroup")


def cores(cgroup: Path = _CGROUP) -> int:
    """At least one. A share of a core that a container may use counts as none."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = _allowed(cgroup)
    return max(1, found if allowed is None else min(found, allowed))


def _allowed(cgroup: Path) -> int | None:
    """What control groups allow (both generations of them); None where nothing is said."""
    try:
        told = (cgroup / "cpu.max").read_text().split()
    except OSError:
        try:
            told = [(cgroup / "cpu" / name).read_text().strip() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")]
        except OSError:
            return None
    try:
        quota, period = int(told[0]), int(told[1])
    except (ValueError, IndexError):
        return None  # "max"
    return None if quota <= 0 or period <= 0 else quota // period
