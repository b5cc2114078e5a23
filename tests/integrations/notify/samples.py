"""Contents of messages for tests: an ordinary one, and one in which everything that comes from outside is hostile."""

from datetime import UTC, date, datetime
from typing import Any

from integrations.notify.delivery import Parcel
from metrics.alerts.rules import Watch
from metrics.alerts.sample import sample

AT = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
HOSTILE = (
    "<!channel> <@U123> <https://evil.example|click> & <b>bold</b> <script>alert(1)</script> *x* `y`\r\nBcc: everybody@example.com"
    "\x00\x07\x1b[31m\u202egnp.exe\u2028{{ 7*7 }} {% raw %}"
)


def content(**more: Any) -> dict[str, Any]:
    """The sample with something else in it."""
    return {**sample(Watch(), date(2026, 3, 5)), **more}


def hostile() -> dict[str, Any]:
    """Every text that could come from a customer's name, a segment or metadata holds what is meant to break out."""
    made = content(title=f"NRR of plan={HOSTILE}", summary=HOSTILE, kind="firing")
    made["customers"] = [{**c, "name": HOSTILE, "customer": f"cus_{HOSTILE}", "why": HOSTILE} for c in made["customers"]]
    made["facts"] = [[HOSTILE, HOSTILE] for _ in range(12)]
    made["bridge"] = [[HOSTILE, HOSTILE] for _ in range(8)]
    made["causes"] = [[HOSTILE, HOSTILE, HOSTILE]]
    made["also"] = [HOSTILE] * 3
    made["notes"] = [HOSTILE]
    made["commands"] = [[HOSTILE, HOSTILE]]
    made["chart"] = {**made["chart"], "title": HOSTILE + " $x_1$"}
    return made


def parcel(**more: Any) -> Parcel:
    """A parcel with the sample in it."""
    values: dict[str, Any] = {"content": content(), "key": "nrr||1", "at": AT, **more}
    return Parcel(**values)
