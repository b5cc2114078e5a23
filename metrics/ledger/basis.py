"""What a set of figures rests on besides the facts: policy, reporting time zone, the rules for who is a customer. That is its *basis*.

A basis has a version, and everything derived is stored under it. Apart from the engine, because settings and stored figures know it too.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from metrics.first_fields import choices as first_choices
from metrics.first_fields.later import said_later
from metrics.keys import bounded
from metrics.policy import DEFAULT, Policy


@dataclass(frozen=True, slots=True)
class InternalRule:
    """Customers whose metadata has `key` with one of `values` (any value, when empty) are the company's own: left out."""

    key: str
    values: tuple[str, ...] = ()

    def holds(self, metadata: Mapping[str, str]) -> bool:
        """Whether a customer with this metadata is internal."""
        value = metadata.get(self.key)
        return value is not None and (not self.values or value in self.values)

    @property
    def spelt(self) -> str:
        """The rule as it stands in the version of a basis, whatever the class is called and whatever it learns later."""
        later = "".join(f", {name}={value!r}" for name, value in said_later(self, first_choices.INTERNAL_RULE))
        return f"InternalRule(key={self.key!r}, values={self.values!r}{later})"


@dataclass(frozen=True, slots=True)
class Basis:
    """What figures rest on besides the facts."""

    policy: Policy = DEFAULT
    timezone: str = "UTC"
    merge_key: str | None = None
    """Customers with the same value under this metadata key are one customer, across accounts too."""
    internal: tuple[InternalRule, ...] = ()
    migration_key: str = "migrated_from"

    @property
    def version(self) -> str:
        """A short digest of everything in it, except what was added later and is at its default."""
        rules = ", ".join(rule.spelt for rule in self.internal) + ("," if len(self.internal) == 1 else "")
        text = f"{self.policy.version};{self.timezone};{self.merge_key};({rules});{self.migration_key}"
        text += "".join(f";{name}={value!r}" for name, value in said_later(self, first_choices.BASIS))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def customer_name(self, stripe_id: str, metadata: Mapping[str, str]) -> str:
        """The name in the ledger of the customer that a Stripe customer is part of."""
        value = metadata.get(self.merge_key) if self.merge_key else None
        return bounded(f"{self.merge_key}:{value}") if value else stripe_id
