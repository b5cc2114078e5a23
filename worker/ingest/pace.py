"""How close to the present is read, apart from the plan of what is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How close to the present a run reads, and how far back it looks again."""

    lag_seconds: int = 60
    """Stripe's event list settles only after some seconds."""
    overlap_seconds: int = 600
