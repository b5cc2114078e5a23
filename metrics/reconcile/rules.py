"""The names that a difference between our MRR and somebody else's can have, and the words for each."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from metrics.ledger.choice_words import switch_words

Kind = Literal[
    "policy",
    "excluded_here",
    "excluded_there",
    "timing",
    "exchange_rate",
    "rounding",
    "unknown_here",
    "unknown_there",
    "unexplained",
]
_TIMING: Final = {
    "a_day_earlier": "their closing is a day before ours, or they change a day later (time zone, month's end)",
    "a_day_later": "their closing is a day after ours, or they change a day earlier (time zone, month's end)",
    "changes_later": "they book the change within a month after us",
    "changes_earlier": "they book the change within a month before us",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What is behind a difference. For a policy choice `ours` and `theirs` are the two answers as settings spell them; for the rest `theirs` says which case it is."""

    kind: Kind
    name: str
    ours: str = ""
    theirs: str = ""

    @property
    def words(self) -> str:
        """The rule in a few words for people."""
        match self.kind:
            case "policy":
                return switch_words(self.name, self.ours, self.theirs)
            case "timing":
                return _TIMING[self.name]
            case "excluded_here":
                return f"left out here: {self.name.replace('_', ' ')}"
            case "excluded_there":
                return {"customer": "they list the customer without MRR", "subscription": "they leave out one subscription"}.get(
                    self.name, f"they leave out one {self.name}"
                )
            case "exchange_rate":
                return "another exchange rate" if self.name == "rate" else "no exchange rate is held here"
            case "rounding":
                return "rounding to the file's places"
            case "unknown_here":
                return "nobody here goes by that name"
            case "unknown_there":
                return "not in the file"
            case "unexplained":
                return "unexplained"


ROUNDING: Final = Rule("rounding", "rounding")
UNKNOWN_HERE: Final = Rule("unknown_here", "unknown_here")
UNKNOWN_THERE: Final = Rule("unknown_there", "unknown_there")
UNEXPLAINED: Final = Rule("unexplained", "unexplained")
NOTHING_THERE: Final = Rule("excluded_there", "customer")
RATE: Final = Rule("exchange_rate", "rate")
NO_RATE: Final = Rule("exchange_rate", "no_rate")

Share = tuple[Rule, int]
"""A rule and the micros that it adds to ours on the way to theirs."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One customer's MRR on both sides at the closing of a day. Up to `tolerance_micros` apart is rounding."""

    customer: str
    day: date
    currency: str
    ours_micros: int
    theirs_micros: int
    tolerance_micros: int

    @property
    def delta_micros(self) -> int:
        """What they show more than we do."""
        return self.theirs_micros - self.ours_micros

    @property
    def agrees(self) -> bool:
        """Whether both show the same but for rounding."""
        return abs(self.delta_micros) <= self.tolerance_micros


@dataclass(frozen=True, slots=True)
class Named:
    """A difference and what is behind it: the shares add up to it exactly."""

    cell: Cell
    shares: tuple[Share, ...]

    @property
    def unexplained_micros(self) -> int:
        """The part that nothing explains."""
        return sum(micros for rule, micros in self.shares if rule.kind == "unexplained")
