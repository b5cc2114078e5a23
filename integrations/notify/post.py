"""Posting JSON to an address that is somebody's secret: what the address must be like, and what an answer means.

Both webhooks of one's own and Microsoft's are told by the same rules: nothing taken is tried again, whatever isn't there any more is
dead, and a message has an id, so that whoever receives it twice can tell.
"""

from typing import Final
from urllib.parse import urlsplit

from integrations.notify.delivery import Outcome
from integrations.notify.sanitize import plain, without
from integrations.outgoing import is_loopback
from integrations.web import Answer, NoAnswer, NotReached, Web

JSON: Final = "application/json; charset=utf-8"
LONGEST_WAIT_SECONDS: Final = 3_600.0
_ASKED_TO_WAIT: Final = 30.0
"""Seconds, where a host asks us to wait and doesn't say how long."""


def address_fault(address: str) -> str | None:
    """Why nothing can be posted to an address; None where it can. Nothing of the address is repeated."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "is no address that can be read"
    if parts.username or parts.password:
        return "has a user or a password before its host; such addresses are refused"
    if not host or parts.scheme not in ("http", "https"):
        return "takes an address that begins with https://"
    if parts.scheme == "http" and not is_loopback(host):
        return "takes an address that begins with https://: by http anybody on the way could read it"
    return None


def posted(web: Web, address: str, body: bytes, headers: dict[str, str], whom: str, *, knows_again: bool = False) -> Outcome:
    """Post once, and say what the answer means. `whom` is what the other side is called; the address is in no outcome.

    `knows_again`: the other side can tell a message that it had already by its id, so that doubts are no reason not to repeat it.
    """
    try:
        answer = web.post(address, body, headers)
    except NotReached as error:
        outcome = Outcome("dead" if error.untrusted else "again", str(error))
    except NoAnswer as error:
        outcome = Outcome("ambiguous", str(error))
    else:
        outcome = _meaning(answer, whom)
    parts = urlsplit(address)
    end = "again" if outcome.end == "ambiguous" and knows_again else outcome.end
    return Outcome(end, without(outcome.why, (address, parts.path, parts.query)), outcome.wait_seconds)


def _meaning(answer: Answer, whom: str) -> Outcome:
    status = answer.status
    said = f"{whom} answered {status} {plain(answer.text, 100)}".strip()
    if 200 <= status < 300:
        return Outcome("sent")
    if 300 <= status < 400:
        return Outcome(
            "dead",
            f"{whom} answered {status}: it sends us elsewhere, and no redirect is followed; set the address that it leads to",
        )
    if status in (401, 403, 404, 410):
        return Outcome("dead", said)
    if status in (408, 425, 429, 503):
        asked = answer.retry_after
        return Outcome(
            "again", said, min(LONGEST_WAIT_SECONDS, _ASKED_TO_WAIT if asked is None and status == 429 else asked or 0.0)
        )
    if status >= 500:
        return Outcome("ambiguous", said)
    return Outcome("failed", said)
