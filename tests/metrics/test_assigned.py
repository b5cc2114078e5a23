"""Frozen values that are made quickly are the same values: frozen, equal, copied, stored, and refused the same arguments."""

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields
from typing import Any

import pytest

from metrics.assigned import assigned, replace


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
    """By place, by name and by default, they hold what a dataclass of before holds."""
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
    """What is made quickly can be changed no more than anything else that is frozen."""
    made = Quick(1)
    with pytest.raises(FrozenInstanceError):
        made.first = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.first
    assert made.first == 1


def test_values_are_compared_hashed_replaced_copied_and_pickled_as_before() -> None:
    """Nothing but the making is another."""
    made = Quick(1, "b", (1,))
    assert made == Quick(1, "b", (2,))
    assert hash(made) == hash(Quick(1, "b", (2,))) == hash(Slow(1, "b"))
    assert made != Quick(2, "b")
    assert replace(made, second="c") == Quick(1, "c")
    assert type(replace(made, second="c")) is Quick
    assert copy.copy(made) == copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made  # our own bytes


@assigned
@dataclass(frozen=True, slots=True)
class Named:
    """Fields named like what a written-out function needs itself."""

    kind: int
    twin: int = 2
    before: int = 3
    value: int = 4
    v: int = 5
    become: int = 6


def test_fields_may_have_any_name() -> None:
    """No name of a field is mistaken for what the written-out function needs itself."""
    made = Named(1)
    assert (made.kind, made.twin, made.before, made.value, made.v, made.become) == (1, 2, 3, 4, 5, 6)
    changed = replace(made, v=7, kind=8, value=9)
    assert changed == dataclasses.replace(made, v=7, kind=8, value=9) == Named(8, 2, 3, 9, 7, 6)
    assert Named.__init__.__code__.co_varnames[:3] == ("self", "kind", "twin")


@pytest.mark.parametrize("kind", [Quick, Slow])
def test_what_is_replaced_is_what_dataclasses_replace(kind: type[Any]) -> None:
    """For classes made quickly and others, with changes of any field, of none, and of one that there isn't."""
    made = kind(1, "b", (1,))
    for changes in ({"second": "c"}, {"third": (4,), "first": 2}, {}, {"first": None}):
        changed, expected = replace(made, **changes), dataclasses.replace(made, **changes)
        assert (type(changed), repr(changed)) == (kind, repr(expected))
    with pytest.raises(TypeError, match="fourth"):
        replace(made, fourth=1)
    assert (made.first, made.second, made.third) == (1, "b", (1,))


def test_what_does_more_when_it_is_made_does_so_when_it_is_replaced() -> None:
    """A check after making and fields given by name only hold for the new value, too."""
    with pytest.raises(ValueError, match="below zero"):
        replace(_Checked(1), first=-1)
    assert replace(_ByName(first=1), first=2) == _ByName(first=2)


def test_wrong_arguments_are_refused() -> None:
    """Too few, too many, unknown and twice: a TypeError, as ever."""
    make: Any = Quick
    for arguments, named in (((), {}), ((1, "b", (), 4), {}), ((1,), {"fourth": 4}), ((1,), {"first": 1})):
        with pytest.raises(TypeError, match="__init__"):
            make(*arguments, **named)


def test_a_class_derived_from_one_is_made_as_its_own() -> None:
    """It isn't laid out like its base, and doesn't become it."""

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
            raise ValueError("below zero")


@dataclass(frozen=True, slots=True)
class _WithFactory:
    first: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _ByName:
    first: int = field(kw_only=True)


@pytest.mark.parametrize("kind", [_WithoutSlots, _Open, _Checked, _WithFactory, _ByName, int])
def test_a_class_that_does_more_is_refused(kind: type) -> None:
    """Rather than made without what it does."""
    with pytest.raises(TypeError, match=kind.__name__):
        assigned(kind)
