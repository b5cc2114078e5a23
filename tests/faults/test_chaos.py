"""Twenty seeds of chaos, a failover to a standby without the last commits in each half of each: `make chaos` tries any other."""

from pathlib import Path

import pytest

from integrations.sandbox.sandbox import Sandbox
from tests.faults.chaos import ACTS, FIRST, SECOND, fail_over, run, schedule, without_sightings
from tests.faults.conftest import undisturbed
from tests.faults.plant import BUSINESS

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


@pytest.mark.long
def test_reading_everything_again_on_a_later_day_adds_nothing_but_sightings(tmp_path: Path) -> None:
    """So a half in which somebody did is compared without them, and nothing else is left out."""
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
    with Sandbox(BUSINESS, now=FIRST) as stripe:
        once = undisturbed(tmp_path / "once", stripe, SECOND)
        stripe.set_now(FIRST)
        again = undisturbed(tmp_path / "again", stripe, SECOND, again=True)
    assert once != again
    assert without_sightings(once) == without_sightings(again)
    inside = [line for line in once if '"rank": 0' in line and '"table": "catalog"' in line]
    assert len(without_sightings(once)) == len(once) - len(inside)
