"""A process that works collects garbage and switches threads seldom, and is as it was when the work is over, however that ends."""

import gc
import sys

import pytest

from worker.execution.tuning import SELDOM, SWITCH_SECONDS, tuned


def test_what_was_tuned_is_put_back() -> None:
    """Inside it is as asked; afterwards, also after an error, as before."""
    before = gc.get_threshold(), sys.getswitchinterval()
    with tuned():
        assert SELDOM == gc.get_threshold()
        assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
    assert before == (gc.get_threshold(), sys.getswitchinterval())
    with pytest.raises(ZeroDivisionError), tuned():
        raise ZeroDivisionError
    assert before == (gc.get_threshold(), sys.getswitchinterval())
