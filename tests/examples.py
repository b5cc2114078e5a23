"""How many random cases a test tries: a share of them for each push, all of them in `make test-all`.

`NRR_TESTS=all` asks for all, `NRR_CASES=new` for other ones than in the last run. Whoever asks the same tests over and over (see `tests.mutation`) asks for a share of their own.
"""

import os
from fractions import Fraction
from typing import Final

from hypothesis import settings

ALL: Final = os.environ.get("NRR_TESTS", "default") == "all"
HISTORIES: Final = int(os.environ.get("NRR_HISTORIES", "2000" if ALL else "100"))
"""Random histories that the engine is held against the oracle in."""
PART: Final = Fraction(os.environ.get("NRR_PART", "1" if ALL else "1/20"))
"""The part of its random cases that each other test tries."""

SAME: Final = os.environ.get("NRR_CASES", "same") != "new"
"""Whether each run tries the same cases: a change is judged by itself, not by luck. Who looks for rare faults asks for new ones."""

settings.register_profile("default", deadline=None, max_examples=25, derandomize=SAME)
settings.register_profile("all", deadline=None, max_examples=400, derandomize=SAME)


def part_of(examples: int) -> int:
    """That many random cases, or the part of them that is asked for."""
    return max(1, int(examples * PART))


def so_many(examples: int) -> settings:
    """Settings for that many random cases, or for the part of them that is asked for."""
    return settings(max_examples=part_of(examples), deadline=None)
