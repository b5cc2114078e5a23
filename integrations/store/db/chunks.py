"""Many names in parts: statements have a limit of parameters, and memory has one."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Value = TypeVar("Value")


def chunks(values: Sequence[Value], size: int) -> Iterator[list[Value]]:
    """`values` in order, `size` at a time; the last part may be shorter.

    >>> list(chunks("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    for first in range(0, len(values), size):
        yield list(values[first : first + size])
