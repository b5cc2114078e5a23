"""When something was: whole seconds since the epoch in UTC, which is what Stripe dates things with. A plain integer can't be naive."""

from typing import NewType

Instant = NewType("Instant", int)
"""Whole seconds since 1970-01-01T00:00:00Z."""
