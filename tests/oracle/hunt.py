"""Look for histories that the engine and the naive mind tell differently, among others than those that every run tries.

    python -m tests.oracle.hunt SEED COUNT

tries that many random histories, drawn by SEED, without a database and without shrinking what differs, so that one that is found is found again
by the same two numbers. Each that differs is printed with what either mind makes of it. The exit code is 1 if any does.
"""

import sys

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from metrics.policy import Policy
from tests.oracle.histories import Case
from tests.oracle.naive import Moved, movements
from tests.oracle.test_engine import ZONES, everything, ledger, naive, policies, told


def hunt(number: int, count: int) -> int:
    """How many of `count` histories drawn by a seed differ; each of those is printed."""
    found = 0

    @seed(number)
    @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(everything, policies, st.sampled_from(ZONES))
    def each(case: Case, policy: Policy, timezone: str) -> None:
        nonlocal found
        by_hand, by_engine = movements(naive(case, policy, timezone), policy), told(ledger(case, policy, timezone).movements)
        if by_hand != by_engine:
            found += 1
            sys.stdout.write(_difference(case, policy, timezone, by_hand, by_engine) + "\n")
            sys.stdout.flush()

    each()
    return found


def _difference(case: Case, policy: Policy, timezone: str, by_hand: list[Moved], by_engine: list[Moved]) -> str:
    def each(moved: list[Moved], others: list[Moved]) -> list[str]:
        return [
            f"  {m.day} {m.currency} {m.kind} {m.before / 1e6:.6f} -> {m.after / 1e6:.6f}"
            f" (list {m.list_before / 1e6:.6f} -> {m.list_after / 1e6:.6f}){'' if m in others else '   <<'}"
            for m in moved
        ]

    lines = [
        f"=== under {policy} in {timezone}",
        repr(case),
        "naive:",
        *each(by_hand, by_engine),
        "engine:",
        *each(by_engine, by_hand),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(1 if hunt(int(sys.argv[1]), int(sys.argv[2])) else 0)
