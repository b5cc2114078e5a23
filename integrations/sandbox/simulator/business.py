"""A simulated business: how many customers, over which months, from which seed, and what can happen to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from integrations.sandbox import ids
from integrations.sandbox.simulator.billing_cycles import add_months, instant
from integrations.sandbox.simulator.catalog import Catalog, build_catalog
from integrations.sandbox.simulator.random_scenarios import FEATURES, MORE, tell
from integrations.sandbox.simulator.records import Life
from integrations.sandbox.simulator.scenario import Script
from integrations.sandbox.simulator.simulator import Machine


@dataclass(frozen=True)
class Business:
    """`customers` random lives from (`seed`, index) over `months` months from `start`, then the `scripts` told by hand.

    `features` are names out of `random_scenarios.FEATURES` and `random_scenarios.MORE`; ValueError for any other. `api_version` is the one that events are drawn in.
    """

    customers: int = 300
    months: int = 24
    seed: int = 7
    start: int = instant(2024, 1, 1)
    features: frozenset[str] = FEATURES
    scripts: tuple[Script, ...] = ()
    api_version: str = "2025-09-30.clover"
    name: str = "Example Ltd"
    country: str = "US"

    def __post_init__(self) -> None:
        unknown = self.features - FEATURES - MORE
        if unknown:
            raise ValueError(f"unknown features: {', '.join(sorted(unknown))}")
        if self.size >= ids.MAX_CUSTOMERS:
            raise ValueError(f"at most {ids.MAX_CUSTOMERS - 1} customers")

    @property
    def size(self) -> int:
        """How many customers there will have been at the end."""
        return self.customers + len(self.scripts)

    @cached_property
    def end(self) -> int:
        """The first instant after the simulated months."""
        return add_months(self.start, self.months)

    @cached_property
    def catalog(self) -> Catalog:
        """What it sells."""
        return build_catalog(self.start)

    @cached_property
    def tag(self) -> str:
        """Six letters that end every id of this business."""
        return ids.base62((self.seed * 2_654_435_761 + len(self.name) + self.start) % 62**6, 6)

    @property
    def account(self) -> str:
        """The id of its Stripe account."""
        return f"acct_1Sandbox{self.tag}"

    def script(self, index: int) -> Script:
        """What the customer at `index` does."""
        if index >= self.customers:
            return self.scripts[index - self.customers]
        return tell(self.catalog, self.seed, index, self.features, self.start, self.end)

    def life(self, index: int, horizon: int) -> Life | None:
        """The life of the customer at `index` up to and including `horizon`; None if it has not begun."""
        return Machine(self.catalog, self.tag, index, self.script(index)).live(horizon)

    def lives(self, horizon: int) -> Iterator[tuple[int, Life]]:
        """Every life that has begun by `horizon`, one at a time."""
        for index in range(self.size):
            life = self.life(index, horizon)
            if life is not None:
                yield index, life
