"""Telling people by Microsoft Teams: an Adaptive Card posted to a workflow's address (*When a Teams webhook request is received*).

A workflow posts into its channel and knows no threads, so what follows an alert says in its title what it is of. A workflow says that it
took the request, not that the card was shown.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from integrations.notify.delivery import Outcome, Parcel, never_raising, tried
from integrations.notify.post import JSON, address_fault, posted
from integrations.notify.sanitize import plain
from integrations.notify.teams_card import teams_message
from integrations.web import BY_ITSELF, Web

NAME: Final = "teams"


@dataclass(frozen=True, slots=True)
class TeamsTarget:
    """The workflow's address, which is a secret: whoever has it can post. It doesn't show when it is printed."""

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        if fault := address_fault(self.url):
            raise ValueError(f"the address of the Teams workflow {fault}")


@dataclass(frozen=True, slots=True)
class Teams:
    """The channel, called `name`. `sleep` waits between tries."""

    target: TeamsTarget
    sleep: Callable[[float], None]
    web: Web = BY_ITSELF
    name: str = NAME

    def deliver(self, parcel: Parcel) -> Outcome:
        """Post the card."""
        return never_raising(lambda: self._deliver(parcel), parcel.progress)

    def _deliver(self, parcel: Parcel) -> Outcome:
        body = json.dumps(teams_message(parcel.content, repeat=parcel.repeat), ensure_ascii=False).encode()

        def attempt(_progress: Mapping[str, Any]) -> Outcome:
            return posted(self.web, self.target.url, body, {"Content-Type": JSON}, "Teams")

        outcome = tried(attempt, parcel.progress, self.sleep)
        return Outcome(outcome.end, plain(outcome.why), outcome.wait_seconds, outcome.progress)
