"""Frozen values that are made quickly are the same values: frozen, equal, copied, stored, and refused the same arguments."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any

import pytest

from metrics.assigned import assigned


@dataclass(frozen=True, slots=True)
class Slow:
    """A class as it was."""

    first: int
    second: str = "two"
    third: tuple[int, ...] = field(default=(), compare=False)


@assigned
@dataclass(frozen=True, slots=True)
class Quick:
    """The same class, made quickly."""

    first: int
    second: str = "two"
    third: tuple[int, ...] = field(default=(), compare=False)


def test_values_are_of_their_class_with_the_fields_given() -> None:
    for arguments, named in (
        ((1,), {}),
        ((1, "b"), {}),
        ((1,), {"third": (3,)}),
        ((), {"first": 1, "second": "x", "third": (1, 2)}),
    ):
        quick, slow = Quick(*arguments, **named), Slow(*arguments, **named)
        assert type(quick) is Quick
        assert [getattr(quick, f.name) for f in fields(Quick)] == [getattr(slow, f.name) for f in fields(Slow)]
        assert repr(quick) == repr(slow).replace("Slow", "Quick")


def test_values_are_frozen_once_they_are_made() -> None:
    made = Quick(1)
    with pytest.raises(FrozenInstanceError):
        made.first = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.first
    assert made.first == 1


def test_values_are_compared_hashed_replaced_copied_and_pickled_as_before() -> None:
    made = Quick(1, "b", (1,))
    assert made == Quick(1, "b", (2,))
    assert hash(made) == hash(Quick(1, "b", (2,))) == hash(Slow(1, "b"))
    assert made != Quick(2, "b")
    assert replace(made, second="c") == Quick(1, "c")
    assert type(replace(made, second="c")) is Quick
    assert copy.copy(made) == copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made  # our own bytes


def test_wrong_arguments_are_refused() -> None:
    make: Any = Quick
    for arguments, named in (((), {}), ((1, "b", (), 4), {}), ((1,), {"fourth": 4}), ((1,), {"first": 1})):
        with pytest.raises(TypeError, match="__init__"):
            make(*arguments, **named)


def test_a_class_derived_from_one_is_made_as_its_own() -> None:
    class Derived(Quick):
        """Has a dictionary, so it isn't laid out like its base."""

    made = Derived(1, "b")
    assert type(made) is Derived
    assert (made.first, made.second, made.third) == (1, "b", ())


@dataclass(frozen=True)
class _WithoutSlots:
    first: int


@dataclass(slots=True)
class _Open:
    first: int


@dataclass(frozen=True, slots=True)
class _Checked:
    first: int

    def __post_init__(self) -> None:
        if self.first < 0:
            raise ValueError


@dataclass(frozen=True, slots=True)
class _WithFactory:
    first: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _ByName:
    first: int = field(kw_only=True)


@pytest.mark.parametrize("kind", [_WithoutSlots, _Open, _Checked, _WithFactory, _ByName, int])
def test_a_class_that_does_more_is_refused(kind: type) -> None:
    with pytest.raises(TypeError, match=kind.__name__):
        assigned(kind)
