"""How many random cases a test tries: all of them, but for who asks the same tests over and over (see `tests.mutation`)."""

import os
from fractions import Fraction

from hypothesis import settings

PART = Fraction(os.environ.get("NRR_PART", "1"))
"""The part of its random cases that each test tries."""


def so_many(examples: int) -> settings:
    """That many random cases, or the part of them that is asked for."""
    return settings(max_examples=max(1, int(examples * PART)), deadline=None)
