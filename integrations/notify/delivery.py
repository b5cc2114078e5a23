"""What is handed to a channel, and how that ended. Channels know no database: what must be remembered is given back as `progress`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt

End = Literal["sent", "again", "ambiguous", "failed", "dead"]
"""Taken; not taken, but may be later; nobody knows; never to be taken; the channel itself is of no use any more."""

TRIES: Final = 3
PATIENCE_SECONDS: Final = 20.0
"""A longer wait than this isn't sat out: the message is due again later."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message, where the channel takes files."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message on its way. `key` names it for ever; `thread` names the message that it follows, `root` is what was remembered of that.

    `repeat` says that nobody knows whether it was taken before; `progress` is what was remembered of earlier tries. `files` go along by mail alone.
    """

    content: Mapping[str, Any]
    key: str
    at: datetime
    thread: str | None = None
    root: Mapping[str, Any] = field(default_factory=dict)
    repeat: bool = False
    files: tuple["Attachment", ...] = ()
    progress: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended, why, how long the other side wants us to wait, and what to remember. `why` never holds a secret."""

    end: End
    why: str = ""
    wait_seconds: float = 0.0
    progress: Mapping[str, Any] = field(default_factory=dict)


class Channel(Protocol):
    """A way to tell people."""

    @property
    def name(self) -> str:
        """What the outbox calls it."""
        ...

    def deliver(self, parcel: Parcel) -> Outcome:
        """Hand the message over; never raises, whatever the other side does or the content holds."""
        ...


def never_raising(act: Callable[[], Outcome], progress: Mapping[str, Any]) -> Outcome:
    """What `act` gives; an error that nobody foresaw is a message that failed, so that the others go on and a person hears of it.

    Only the kind of error is told: its words may quote what must not be shown.
    """
    try:
        return act()
    except Exception as error:  # noqa: BLE001  # one message must not keep all others waiting
        return Outcome("failed", f"the message could not be made or handed over: {type(error).__name__}", progress=dict(progress))


def tried(attempt: Callable[[Mapping[str, Any]], Outcome], progress: Mapping[str, Any], sleep: Callable[[float], None]) -> Outcome:
    """Try a few times while the other side says that it may take the message soon; each try is given what is remembered so far."""
    remembered = dict(progress)

    def once() -> Outcome:
        outcome = attempt(remembered)
        remembered.update(outcome.progress)
        return outcome

    def wait(state: RetryCallState) -> float:
        asked: float = state.outcome.result().wait_seconds if state.outcome else 0.0
        return max(asked, 0.5 * 2.0**state.attempt_number)

    def soon(outcome: Outcome) -> bool:
        return outcome.end == "again" and outcome.wait_seconds <= PATIENCE_SECONDS

    retrying = Retrying(
        stop=stop_after_attempt(TRIES),
        wait=wait,
        retry=retry_if_result(soon),
        sleep=sleep,
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    outcome: Outcome = retrying(once)
    return Outcome(outcome.end, outcome.why, outcome.wait_seconds, remembered)
