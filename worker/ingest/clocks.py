"""One rule for the present: Stripe's clock and ours, and where they disagree by more than minutes the earlier one, told for all to see.

A mark that runs ahead of the present would have everything until then taken for read, so a clock that is wrong must not move one; and one
that was moved so by whatever is taken back to where it stood last.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

from integrations.store.work import cursors, key_value
from metrics.instants import Instant
from metrics.periods import CLOCKS_AGREE_SECONDS
from worker.execution.log import logger

if TYPE_CHECKING:
    from integrations.stripe.reader import Reader

log = logger(__name__)

_APART: Final = "clock_apart"


def earlier(told: Instant, ours: datetime) -> Instant:
    """The present of two clocks: Stripe's while they agree, else the earlier one."""
    mine = Instant(int(ours.timestamp()))
    return mine if told - mine > CLOCKS_AGREE_SECONDS else told


def apart(reader: "Reader", told: Instant, ours: datetime, *, pretended: bool) -> int:
    """By how many seconds Stripe's clock is ahead of ours (negative: behind), 0 while they agree by minutes.

    A host that isn't Stripe may live in the past, as a simulation does; none may live in the future, unless somebody says that it is.
    """
    if pretended:
        return 0
    here = told - int(ours.timestamp())
    seconds = max(here, reader.clock_apart_seconds, key=abs)
    behind = seconds < 0 and not reader.is_stripe
    return 0 if abs(seconds) <= CLOCKS_AGREE_SECONDS or behind else int(seconds)


def note(connection: Connection, account: int, seconds: int) -> None:
    """Remember by how much the clocks disagree, if that is news."""
    held = of_accounts(connection)
    if held.get(account, 0) == seconds:
        return
    if seconds:
        log.warning("clocks_disagree", account=account, stripe_is_ahead_seconds=seconds, present="the earlier one")
    after = {str(each): value for each, value in {**held, account: seconds}.items() if value}
    key_value.put(connection, _APART, after)


def of_accounts(connection: Connection) -> Mapping[int, int]:
    """By how many seconds Stripe's clock is ahead of ours, by account; accounts whose clocks agree are left out."""
    return {int(account): int(seconds) for account, seconds in (key_value.get(connection, _APART) or {}).items()}


def take_back(connection: Connection, account: int, present: Instant) -> None:
    """Take marks that are ahead of the present back to where they stood before."""
    for stream, found in sorted(cursors.of_account(connection, account).items()):
        if found.position > present + CLOCKS_AGREE_SECONDS:
            stands = cursors.take_back(connection, found, present)
            log.warning(
                "mark_taken_back", account=account, stream=stream, stood_at=found.position, stands_at=stands, present=present
            )
