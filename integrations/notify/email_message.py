"""A message's content as a mail: plain text and HTML with its chart inside, a Message-ID that stays, and threads. Nothing is sent here.

Addresses and headers are made by the standard library, which refuses line ends in them; what was said outside is harmless by then.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from integrations.notify.charts import chart_png
from integrations.notify.delivery import Attachment
from integrations.notify.sanitize import cleaned, plain
from integrations.notify.slack_blocks import REPEATED

if TYPE_CHECKING:
    from jinja2 import Environment

_MARKS: Final = {
    "firing": "ALERT",
    "many": "ALERTS",
    "still": "ALERT",
    "reminder": "REMINDER",
    "resolved": "RESOLVED",
    "restated": "RESTATED",
    "digest": "DIGEST",
    "channel": "CHANNEL",
    "report": "REPORT",
    "report_failed": "REPORT FAILED",
    "sample": "SAMPLE",
}
SUBJECT: Final = 180
_TOGETHER: Final = re.compile(r"(?<=\d) (?=%|[A-Z]{3}\b)")
"""Where a line of a narrow screen must not end: between a number and its per cent or its currency."""
_ADDRESS: Final = re.compile(r"[^@\s<>\"',;]+@[A-Za-z0-9.-]+")


class BadMailAddress(ValueError):
    """An address that no mail can be sent from or to."""


def address(text: str) -> Address:
    """An address as it may be written: `a@b.example` or `nrr <a@b.example>`. Raises BadMailAddress."""
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise BadMailAddress("an address with control characters in it can't be used")
    found = getaddresses([text])
    name, bare = found[0] if found else ("", "")
    if len(found) != 1 or bare not in text or not _ADDRESS.fullmatch(bare):
        raise BadMailAddress(f"{text!r} is no mail address; it takes one such as alerts@example.com")
    local, _, domain = bare.rpartition("@")
    return Address(display_name=plain(name, 80), username=local, domain=domain)


def message_id(key: str, domain: str) -> str:
    """The Message-ID of what is known by `key`: the same whenever and wherever it is made."""
    return f"<nrr.{blake2b(key.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}@{domain}>"


def letter(
    content: Mapping[str, Any],
    *,
    key: str,
    thread: str | None,
    sender: str,
    recipients: Sequence[str],
    at: datetime,
    repeat: bool = False,
    files: Sequence[Attachment] = (),
) -> EmailMessage:
    """The whole mail. A repeat has the Message-ID of the first one, so that mailboxes can tell."""
    said = cleaned(content)
    origin = address(sender)
    mail = EmailMessage()
    mail["From"] = origin
    mail["To"] = [address(recipient) for recipient in recipients]
    mail["Subject"] = plain(f"[nrr] {said.get('title', '')}", SUBJECT)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = message_id(key, origin.domain)
    if thread is not None and thread != key:
        mail["In-Reply-To"] = mail["References"] = message_id(thread, origin.domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    png = chart_png(said.get("chart"))
    cid = message_id(f"{key} chart", origin.domain) if png else None
    shown = _shown(said, cid=cid, repeat=repeat)
    mail.set_content(_as_text(shown), cte="quoted-printable")
    mail.add_alternative(html(shown), subtype="html", cte="quoted-printable")
    if png is not None:
        body = mail.get_body(("html",))
        assert isinstance(body, EmailMessage)
        body.add_related(png, "image", "png", cid=cid, disposition="inline", filename="trend.png")
    for file in files:
        maintype, _, subtype = file.media_type.partition("/")
        mail.add_attachment(file.data, maintype, subtype, filename=plain(file.name, 120))
    return mail


def text(content: Mapping[str, Any]) -> str:
    """What the plain part of a mail says, for whoever wants to see a message without sending one."""
    return _as_text(_shown(cleaned(content), cid=None, repeat=False))


def _as_text(shown: Mapping[str, Any]) -> str:
    return _tidied(_environment().get_template("mail.txt.j2").render(m=shown))


def html(shown: Mapping[str, Any]) -> str:
    """The HTML with its styles at the elements, and what depends on width and darkness in its head."""
    import css_inline

    page = _TOGETHER.sub("\N{NO-BREAK SPACE}", _environment().get_template("mail.html.j2").render(m=shown))
    inliner = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)
    return str(inliner.inline(page))


def _shown(said: Mapping[str, Any], *, cid: str | None, repeat: bool) -> dict[str, Any]:
    kind = str(said.get("kind", "firing"))
    empty: dict[str, Any] = {name: [] for name in ("facts", "also", "bridge", "customers", "causes", "notes", "commands", "lines")}
    more = {
        "kind": kind if kind in _MARKS else "firing",
        "mark": _MARKS.get(kind, "ALERT"),
        "also_title": "All of them" if kind == "many" else "The same cause",
        "cid": cid[1:-1] if cid else None,
        "chart_alt": _in_words(said.get("chart")),
        "repeat": REPEATED if repeat else None,
    }
    return {**empty, **said, **more}


def _in_words(chart: Mapping[str, Any] | None) -> str:
    """What a chart shows, for those who don't see it. Brackets go: the inliner doesn't escape them in attributes, as HTML allows."""
    if not chart or not chart.get("points"):
        return ""
    points = chart["points"]
    return re.sub(r"[<>\"]", "", f"{chart.get('title', 'Trend')} from {points[0][0]} to {points[-1][0]}")


def _tidied(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _columns(row: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    wide = [max(len(r[i]) for r in rows if i < len(r)) for i in range(max(len(r) for r in rows))]
    return "  ".join(cell.ljust(wide[i]) if i == 0 else cell.rjust(wide[i]) for i, cell in enumerate(row))


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import ChainableUndefined, Environment, PackageLoader, select_autoescape

    made = Environment(
        loader=PackageLoader("integrations.notify", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=ChainableUndefined,
    )
    made.filters["columns"] = _columns
    return made
