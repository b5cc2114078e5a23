"""Events of one second in the order in which they were true: by what was before each, creations first and deletions last."""

from dataclasses import replace

import pytest

from metrics.evidence import Discount, Source, SubscriptionState
from metrics.timeline.states.event_order import in_order
from tests.metrics.life import told_text

SECOND = "2025-02-10T12:00"


def happened(now: str, *events: str) -> list[str]:
    """The ids in the order found, each once, of events of one second, told as `id: seats before > seats after` when so many stood before.

    Without seats before it is one that tells only what was after: a creation, say. `gone` after is a deletion.
    """
    lines = [f"event 2025-01-01 id=first items=seat*{now}"] if now else []
    for event in events:
        name, told = event.split(": ")
        before, _, after = told.rpartition(" > ")
        kept = "ended=none status=active"
        if before:
            lines.append(f"before {SECOND} id={name} items=seat*{before} {kept}")
        gone = f"status=canceled ended={SECOND}"
        lines.append(f"event {SECOND} id={name} {gone if after == 'gone' else f'items=seat*{after} {kept}'}")
    states = told_text("## Events\n" + "\n".join(lines))[0].states["sub"]
    found = in_order(reversed(states))
    assert {len(states)} == {len(found), len(set(found))}, "none is lost"
    return list(dict.fromkeys(state.source_id for state in found if state.source_id != "first"))


@pytest.mark.parametrize(
    ("now", "events", "expected", "why"),
    [
        ("5", ["a: 7 > 9", "b: 5 > 7"], "ba", "each follows from the one before"),
        ("5", ["a: 5 > 6", "b: 5 > 5"], "ba", "what changes nothing here comes where there is a place for both"),
        ("5", ["a: 8 > 9", "b: 5 > 6"], "ba", "one is missing between them: what fits comes first"),
        ("5", ["a: 8 > 9", "b: 6 > 8"], "ba", "one is missing before them: the head of the chain comes first"),
        ("5", ["a: 9 > 7", "b: 8 > 9", "c: 6 > 8"], "cba", "likewise of three"),
        ("5", ["a: 6 > 7", "b: 8 > 9"], "ab", "nothing fits anything: by id"),
        ("5", ["a: gone", "b: 5 > 6"], "ba", "a deletion closes the second"),
        ("5", ["a: gone", "b: 8 > 9"], "ba", "also where nothing fits"),
        ("5", ["a: gone", "b: 8 > 9", "c: 6 > 8"], "cba", "and behind a chain"),
        ("5", ["a: gone", "b: 8 > 9", "c: 9 > 8"], "bca", "and behind a circle"),
        ("5", ["a: 5 > 6", "b: 5 > 5", "c: gone"], "bac", "and behind what only one order has a place for"),
        ("5", ["a: 5 > 6", "b: 5"], "ba", "what doesn't say what was before follows from what is the same"),
        ("5", ["a: 5 > 5", "b: 8"], "ab", "what fits comes before what doesn't say what was before"),
        ("5", ["a: 8 > 9", "z: 8"], "za", "what doesn't say what was before comes before what follows from it"),
        ("5", ["a: 7", "b: 7 > 5"], "ab", "though it doesn't follow itself"),
        ("", ["a: 5 > 7", "b: 5"], "ba", "a creation opens the second"),
        ("", ["a: 8 > 9", "b: 5"], "ba", "also where nothing follows from it"),
        ("", ["a: gone", "b: 5"], "ba", "created and deleted within one second"),
        ("", ["a: gone", "b: 5 > 7", "c: 5"], "cba", "created, changed and deleted within one second"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_events_of_one_second(now: str, events: list[str], expected: str, why: str) -> None:
    """Each case by hand; whatever came in first."""
    assert list(expected) == happened(now, *events), why


def test_six_are_tried_in_every_order() -> None:
    """And of seven the first that fits is taken, so that the search can't last."""
    chain = ["a: 5 > 6", "b: 5 > 5", "c: 6 > 7", "d: 7 > 8", "e: 8 > 9", "f: 9 > 10"]
    assert list("bacdef") == happened("5", *chain)
    assert list("acdefgb") == happened("5", *chain, "g: 10 > 11")


def test_a_listing_closes_its_second() -> None:
    """Behind all events, whatever they say; and what was before an event that was never read comes behind those that were."""
    text = f"""
event 2025-01-01 id=first items=seat*5
listed {SECOND} items=seat*9
before {SECOND} id=a items=seat*9
before {SECOND} id=b items=seat*5
event {SECOND} id=b items=seat*7
"""
    found: list[SubscriptionState] = in_order(told_text("## Events\n" + text)[0].states["sub"])
    assert [
        ("first", Source.EVENT),
        ("b", Source.EVENT_BEFORE),
        ("b", Source.EVENT),
        ("a", Source.EVENT_BEFORE),
        ("", Source.SNAPSHOT),
    ] == [(state.source_id, state.source) for state in found]


def test_what_an_event_leaves_out_contradicts_nothing() -> None:
    """An event that doesn't say which discounts an item has follows the one that gave it a discount."""
    lines = [
        "event 2025-01-01 id=first items=seat*5",
        f"before {SECOND} id=a items=seat*5",
        f"event {SECOND} id=a items=seat*7",
        f"before {SECOND} id=b items=seat*5",
        f"event {SECOND} id=b items=seat*5",
    ]
    states = told_text("## Events\n" + "\n".join(lines))[0].states["sub"]
    cut = Discount("di_1", "ten", states[-1].at)

    def changed(state: SubscriptionState) -> SubscriptionState:
        given = {"a": {"discounts_complete": False}, "b": {"discounts": (cut,)} if state.source == Source.EVENT else {}}
        items = tuple(replace(i, **given.get(state.source_id, {})) for i in state.subscription.items)  # type: ignore[arg-type]  # fields by name
        return replace(state, subscription=replace(state.subscription, items=items))

    assert ["first", "b", "b", "a", "a"] == [state.source_id for state in in_order(map(changed, states))]
