"""Under which conditions a process works, apart from what does the work: whoever only looks has them and never works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which conditions jobs are held. `attempts` counts claims without progress before a job is parked.

    `heavy` jobs (those that compute rather than wait for Stripe) are done at the same time at most, for the sake of memory. Who is
    `standing` is watched: it sends heartbeats.
    """

    owner: str
    threads: int = 32
    heavy: int = 2
    standing: bool = False
    lease_seconds: float = 180.0
    attempts: int = 5
    first_delay_seconds: float = 1.0
