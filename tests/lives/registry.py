"""What a life is: what happens to one customer, and what must come out of it, worked out by hand from the definitions.

The same life is read in several ways: with everything that Stripe tells, with events, invoices or listings only, once or every night.
What can't be known in one way is another right answer, so a life says for each way what is right there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.lives.maker import Maker
from tests.lives.objects import noon

NOW: Final = noon("2026-06-15", hour=23, minute=30)
"""The last reading."""

NIGHTS: Final = tuple(
    noon(day, hour=23, minute=30)
    for day in ("2026-05-18", "2026-05-25", "2026-06-01", "2026-06-03", "2026-06-05", "2026-06-06", "2026-06-15")
)
"""Who reads every night begins here. Nights on which nothing happens are passed over, to save time."""

HIDDEN: Final[Mapping[str, frozenset[str]]] = {
    "everything": frozenset(),
    "invoices": frozenset({"events"}),
    "events": frozenset({"invoices"}),
    "listings": frozenset({"events", "invoices"}),
    "old host": frozenset(),
}
"""By what is read: the lists that are empty then. Subscriptions are listed always. An old host tells everything, in the shapes of old."""

Moves = tuple[tuple[str, str, int], ...]
"""Movements: day, kind, change in cents."""


@dataclass(frozen=True, slots=True)
class Right:
    """What must come out. `any_of` are the movements that are right; several where the evidence leaves a date open.

    `causes` are those of the movements in order; `marked` says of the last movement whether it is *inferred*. `says` are reasons of which
    one finding (or something kept out) must name this customer's objects, `never` what must not be said or be a cause.
    """

    any_of: tuple[Moves, ...] = ()
    causes: tuple[str, ...] | None = None
    marked: bool | None = None
    says: bool = False
    never: frozenset[str] = frozenset()
    listed: int | None = None
    """Cents at list price after the first movement."""


def moves(*each: str) -> Moves:
    """Movements from text: "2026-02-01 new 40.00"."""
    out = []
    for text in each:
        day, kind, amount = text.split()
        out.append((day, kind, round(float(amount) * 100)))
    return tuple(out)


def right(*each: str, or_: tuple[Moves, ...] = (), never: tuple[str, ...] = (), **more: object) -> Right:
    """One right answer, with others that are as good."""
    return Right((moves(*each), *or_), never=frozenset(never), **more)  # type: ignore[arg-type]  # keywords of the dataclass


@dataclass(frozen=True, slots=True)
class Life:
    """A life with its right answers: by way ("invoices", or "invoices daily" before it), else `answer`; None where nothing is asked."""

    name: str
    live: Callable[[Maker], None]
    answer: Right
    ways: Mapping[str, Right | None]

    def expected(self, way: str, often: str) -> Right | None:
        """What is right when read in this way, once or daily."""
        ways = (way, "everything") if way == "old host" else (way,)
        for key in (f"{each} {often}" if exactly else each for each in ways for exactly in (True, False)):
            if key in self.ways:
                return self.ways[key]
        return self.answer


LIVES: Final[dict[str, Life]] = {}


def life(answer: Right, **ways: Right | None) -> Callable[[Callable[[Maker], None]], Callable[[Maker], None]]:
    """Registers a life. `invoices_daily=…` is its answer when only invoices are read, every night."""

    def register(live: Callable[[Maker], None]) -> Callable[[Maker], None]:
        name = live.__name__
        assert name not in LIVES, name
        LIVES[name] = Life(name, live, answer, {key.replace("_", " "): each for key, each in ways.items()})
        return live

    return register
