"""What isn't said takes nothing away: whatever part of an answer Stripe may leave out, no movement changes in silence.

The places are all that Stripe's description of its API lets be null, absent or cut, in every version of every object and in every event of
the base accounts. Left out one by one, or several at once.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.examples import part_of
from tests.lives.account import Account
from tests.lives.bases import BASES, FIRST, SECOND
from tests.lives.dropping import EVENTS, Place, places
from tests.lives.installation import Installation
from tests.lives.mutants import EXEMPT, Mutant, differences, whole

AT_ONCE: Final = 300
"""Mutants that are read side by side."""

GROUPS: Final = tuple((base, old_events) for base in BASES for old_events in (False, True))


@cache
def of_group(group: tuple[str, bool]) -> tuple[Place, ...]:
    """The places of a base account; with events in the older shape only those of its events, since all else is the same."""
    base, old_events = group
    found = places(whole(base, "x", old_events=old_events))
    return tuple(p for p in found if p.field not in EXEMPT and (not old_events or p.list == EVENTS))


@cache
def singly() -> tuple[Mutant, ...]:
    """Every mutant that lacks one thing."""
    return tuple(Mutant(*group, (place,)) for group in GROUPS for place in of_group(group))


def of_every_kind(random: Random, count: int) -> list[Mutant]:
    """So many mutants: a field that is there a thousand times is chosen no more often than one that is there once."""
    kinds: dict[tuple[str, str, str], list[Mutant]] = {}
    for mutant in singly():
        (place,) = mutant.places
        kinds.setdefault((place.list, place.field, place.how), []).append(mutant)
    chosen = random.sample(sorted(kinds), min(count, len(kinds)))
    return [random.choice(kinds[kind]) for kind in chosen]


@st.composite
def lacking_several(draw: st.DrawFn) -> Mutant:
    """A mutant that lacks up to four things."""
    group = draw(st.sampled_from([group for group in GROUPS if of_group(group)]))
    lacks = draw(st.lists(st.sampled_from(of_group(group)), min_size=1, max_size=4, unique=True))
    return Mutant(*group, tuple(lacks))


_CALM = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.generate]}


def silent(mutants: list[Mutant], folder: Path, template: Path) -> str:
    """What changed in silence, to be read."""
    return "\n".join(map(str, differences(mutants, folder / "nrr.sqlite3", template)))


@pytest.mark.long
@settings(max_examples=part_of(10), derandomize=True, **_CALM)  # type: ignore[arg-type]  # settings by name
@given(seed=st.integers(0, 1 << 32))
def test_what_is_left_out_changes_nothing_in_silence(seed: int, tmp_path_factory: pytest.TempPathFactory, template: Path) -> None:
    """Three thousand parts, one at a time; at each push three hundred."""
    chosen = of_every_kind(Random(seed), AT_ONCE)
    assert "" == silent(chosen, tmp_path_factory.mktemp("left-out"), template)


@pytest.mark.parametrize("one_in", [8, 1], ids=["one in eight", "every one"])
@pytest.mark.long
def test_a_list_that_is_cut_changes_nothing_in_silence(tmp_path: Path, template: Path, one_in: int) -> None:
    """Every list inside every object and event, cut to its first half: few beside all other parts, and the likeliest to be met."""
    cut = [mutant for mutant in singly() if mutant.places[0].how == "cut"][::one_in]
    assert "" == silent(cut, tmp_path, template)


@pytest.mark.long
def test_a_credit_note_without_a_part_that_it_must_have(tmp_path: Path, template: Path) -> None:
    """Nor does what a credit note leaves out of what the description requires: lines, amounts, taxes, its invoice, its total, its customer."""
    fields = ("lines", "invoice", "customer", "status", "total", "amount", "discount_amount", "discount_amounts", "total_taxes")
    ways: list[tuple[str | int, ...]] = [(field,) for field in fields]
    ways += [
        ("lines", "data", 0, field)
        for field in ("id", "amount", "discount_amount", "discount_amounts", "invoice_line_item", "taxes")
    ]
    kept = whole("credit_notes", "x", old_events=False).versions["credit_notes"].values()
    seen = [(number, version) for number, versions in enumerate(kept) for version in range(len(versions))]
    lacking = [
        Mutant("credit_notes", False, (Place("credit_notes", number, version, way, how, "credit_note"),))
        for number, version in seen
        for way in ways
        for how in ("null", "absent")
    ]
    assert "" == silent(lacking, tmp_path, template)


def test_a_line_without_price_or_quantity_changes_nothing_of_its_item(tmp_path: Path, template: Path) -> None:
    """Be it named or not: where each cycle bills the same, one whose lines say too little takes nothing away and brings nothing."""
    mutants = list(
        _lacking("credit_notes", ("pricing",), ("pricing", "price_details"), ("quantity",), ("quantity", "quantity_decimal"))
    )
    assert 24 == len(mutants)
    assert [] == [str(each) for each in differences(mutants, tmp_path / "nrr.sqlite3", template, though_named=True)]


def test_a_line_that_tells_no_discounts_ends_none(tmp_path: Path, template: Path) -> None:
    """Only a line that says what it carries shows that a discount, which nothing has any more today, was gone by then."""
    mutants = [m for m in _lacking("discount_taken_off", ("discounts", "discount_amounts")) if m.places[0].number < 4]
    assert 4 == len(mutants)
    assert [] == [str(each) for each in differences(mutants, tmp_path / "nrr.sqlite3", template, though_named=True)]


def _lacking(base: str, *parts: tuple[str, ...]) -> Iterator[Mutant]:
    """One for each line of each version of the base's invoices and each of `parts`: fields that the line lacks all at once.

    A part that lies within another (`pricing`, `price_details`) is named by its way; the others are fields side by side.
    """
    for number, versions in enumerate(whole(base, "x", old_events=False).versions["invoices"].values()):
        for version, (_, bill) in enumerate(versions):
            for index in range(len((bill or {})["lines"]["data"])):
                at = ("lines", "data", index)
                for fields in parts:
                    ways: list[tuple[str | int, ...]] = (
                        [(*at, *fields)] if fields[0] == "pricing" else [(*at, field) for field in fields]
                    )
                    yield Mutant(base, False, tuple(Place("invoices", number, version, way, "absent", "line_item") for way in ways))


def test_billings_add_up_to_what_stripe_says(tmp_path: Path, template: Path) -> None:
    """Each invoice and credit note of every whole account comes to its total, which the others are compared with."""
    account = Account()
    for base in BASES:
        account.absorb(whole(base, base.replace("_", ""), old_events=False))
    with Installation(account, tmp_path / "nrr.sqlite3", template) as installation:
        assert account.totals(SECOND) == installation.sync(FIRST).sync(SECOND).billed()
    assert [-11900, -7435, -5000, -3300, -2380, -1300] == sorted(total for total in account.totals(SECOND).values() if total < 0)


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(group, marks=pytest.mark.long if group[1] and group[0] != "many_items" else pytest.mark.slow)
        for group in GROUPS
    ],
    ids=lambda group: f"{group[0]}-{'old' if group[1] else 'new'}",
)
def test_no_part_that_is_left_out_changes_anything_in_silence(group: tuple[str, bool], tmp_path: Path, template: Path) -> None:
    """Every part of every base account, one at a time; in CI those of events in the older shape, but for the account of many items."""
    mutants = [Mutant(*group, (place,)) for place in of_group(group)]
    parts = [mutants[index : index + AT_ONCE] for index in range(0, len(mutants), AT_ONCE)]
    found = [silent(part, _folder(tmp_path, number), template) for number, part in enumerate(parts)]
    assert [] == [text for text in found if text]


@pytest.mark.slow
@settings(max_examples=10, **_CALM)  # type: ignore[arg-type]  # settings by name
@given(mutants=st.lists(lacking_several(), min_size=AT_ONCE, max_size=AT_ONCE))
def test_parts_left_out_together_change_nothing_in_silence(
    mutants: list[Mutant], tmp_path_factory: pytest.TempPathFactory, template: Path
) -> None:
    """Three thousand accounts that lack up to four parts at once."""
    assert "" == silent(mutants, tmp_path_factory.mktemp("together"), template)


def test_a_change_that_nothing_announces_is_found(tmp_path: Path, template: Path) -> None:
    """The property can fail: a customer listed without the discount that it has is worth twice as much, and nobody can know better."""
    mutant = Mutant("trial_then_end", False, (Place("customers", 0, 0, ("discount",), "null", "customer"),))
    assert [mutant] == [each.mutant for each in differences([mutant], tmp_path / "nrr.sqlite3", template)]


def _folder(folder: Path, number: int) -> Path:
    made = folder / str(number)
    made.mkdir()
    return made
