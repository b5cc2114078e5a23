"""Twenty seeds of chaos, a failover to a standby without the last commits in each half of each: `make chaos` tries any other."""

import pytest

from tests.faults.chaos import ACTS, fail_over, run, schedule

SEEDS = range(1, 21)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_strikes_the_content_is_the_same_to_the_byte(seed: int) -> None:
    """Forty seconds of faults, and all the time that a loaded machine takes to get over them."""
    said: list[str] = []
    assert run(seed, 40.0, said.append), "\n".join(said)


def test_every_schedule_has_a_failover_and_every_fault_is_in_some() -> None:
    """So the twenty are worth what they say."""
    halves = [{name for _, name in schedule(seed + more, 20.0)} for seed in SEEDS for more in (0, 1_000_003)]
    assert all(fail_over.__name__ in half for half in halves)
    assert set(ACTS) == set().union(*halves)
