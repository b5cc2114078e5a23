"""A simulated customer's life while it is being drawn: what has happened so far, and the dice."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from integrations.sandbox.simulator.catalog import Catalog
from integrations.sandbox.simulator.scenario import Script

SIZES: Final = ("1-10", "11-50", "51-200", "201+")
SEATED: Final = ("team", "business", "scale", "contacts")
RETURN_KEY: Final = "main"


@dataclass
class Story:
    """A life while it is being drawn."""

    catalog: Catalog
    rng: Random
    features: frozenset[str]
    script: Script
    price: str
    quantity: int
    taxed: bool
    key: str = RETURN_KEY
    extra: str | None = None
    discounted: bool = False
    count: int = 1
    used: set[str] = field(default_factory=set)

    def has(self, feature: str, chance: float = 1.0) -> bool:
        """Whether `feature` is on and a draw of `chance` falls its way; the draw is made either way."""
        drawn = self.rng.random() < chance
        return drawn and feature in self.features

    @property
    def product(self) -> str:
        """The family of the main price."""
        return self.price.split("_")[1]

    @property
    def interval(self) -> tuple[str | None, int]:
        """The interval of the main price."""
        price = self.catalog.prices[self.price]
        return price.interval, price.interval_count

    def proration(self) -> str:
        """How the next change is prorated."""
        roll = self.rng.random()
        if "no_proration" in self.features and (roll < 0.2 or "prorations" not in self.features):
            return "none"
        return "always_invoice" if roll < 0.55 else "create_prorations"

    def new_key(self) -> str:
        """A fresh name for a further subscription."""
        self.count += 1
        return f"sub{self.count}"
