"""A message's content as an Adaptive Card for Microsoft Teams, within its limits. Nothing is sent here.

Text that comes from outside stands in text runs alone: unlike text blocks and facts they know no markup, so nothing can come out of
it. What a card has no room for is left out and counted, and the whole is made smaller until Teams takes it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from integrations.dashboard import DASHBOARD
from integrations.notify.sanitize import cleaned, plain
from integrations.notify.slack_blocks import MARKS, REPEATED

MOST_BYTES: Final = 24_000
"""Teams takes 25 KB of a card, and 28 of a message by a workflow."""
SCHEMA: Final = "http://adaptivecards.io/schemas/adaptive-card.json"
VERSION: Final = "1.4"
"""What every client of Teams shows."""
_ROWS: Final = 20
_COLOURS: Final = {
    "resolved": "Good",
    "digest": "Accent",
    "report": "Accent",
    "restated": "Warning",
    "channel": "Warning",
    "sample": "Warning",
}

Element = dict[str, Any]


def teams_message(content: Mapping[str, Any], *, repeat: bool = False) -> dict[str, Any]:
    """What a workflow is posted: a message with one card."""
    said = cleaned(content)
    for room in (_ROWS, 10, 5, 2, 0):
        message = _message(said, room, repeat=repeat)
        if len(json.dumps(message, ensure_ascii=False).encode()) <= MOST_BYTES:
            return message
    return message


def _message(said: Mapping[str, Any], room: int, *, repeat: bool) -> dict[str, Any]:
    title = plain(f"{MARKS.get(said.get('kind', ''), '🔴')} {said.get('title', '')}", 200)
    colour = _COLOURS.get(str(said.get("kind", "")), "Attention")
    body = [_text(title, size="Large", weight="Bolder", color=colour)]
    if said.get("summary"):
        body.append(_text(plain(said["summary"], 1_500)))
    body += _table("", said.get("facts", []), room)
    if said.get("also"):
        body += _list("All of them" if said.get("kind") == "many" else "The same cause", said["also"], room)
    body += _table("Bridge", said.get("bridge", []), room)
    if said.get("customers"):
        body += _customers(said, room)
    body += _table("Causes", said.get("causes", []), room)
    body += _list("More", said.get("lines", []), room)
    notes = [*said.get("notes", [])[: max(room, 2)]]
    notes += [f"Lever: {said['lever']}"] if said.get("lever") else []
    notes += [f"Benchmark: {said['benchmark']}"] if said.get("benchmark") else []
    notes += [REPEATED] if repeat else []
    body += [_text(plain(note), small=True) for note in notes]
    body += [
        _runs([_run(f"{plain(name, 60)}: ", small=True), _run(plain(command, 300), small=True, fontType="Monospace")])
        for name, command in said.get("commands", [])
    ]
    card: Element = {"$schema": SCHEMA, "type": "AdaptiveCard", "version": VERSION, "body": body, "msteams": {"width": "Full"}}
    if str(said.get("link", "")).startswith("https://"):
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the report", "url": str(said["link"])}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _customers(said: Mapping[str, Any], room: int) -> list[Element]:
    if not room:
        return []
    out = [_heading("Customers behind it")]
    for each in said["customers"]:
        who = plain(f"{each['name']} ({each['customer']})" if each.get("name") else each["customer"], 150)
        run = _run(who, weight="Bolder")
        if str(each.get("url", "")).startswith(f"{DASHBOARD}/"):
            run["selectAction"] = {"type": "Action.OpenUrl", "url": str(each["url"])}
        why = f", {each['why']}" if each.get("why") else ""
        out.append(
            _pair(_runs([run]), _runs([_run(plain(f"{each['delta']} ({each['before']} → {each['after']}{why})", 200))], right=True))
        )
    if said.get("customers_more"):
        out.append(_text(plain(said["customers_more"]), small=True))
    return out


def _table(title: str, rows: Sequence[Sequence[str]], room: int) -> list[Element]:
    """Rows with their first cell left and the others right; the last one of what is cut says how many more there are."""
    if not rows or not room:
        return []
    out = [_heading(title)] if title else []
    for first, *others in rows[:room]:
        right = plain(" · ".join(str(cell) for cell in others), 200)
        out.append(_pair(_text(plain(first, 150)), _runs([_run(right)], right=True)))
    return [*out, *([_text(f"and {len(rows) - room} more", small=True)] if len(rows) > room else [])]


def _list(title: str, lines: Sequence[str], room: int) -> list[Element]:
    if not lines or not room:
        return []
    out = [_heading(title), *(_text(f"• {plain(line)}") for line in lines[:room])]
    return [*out, *([_text(f"and {len(lines) - room} more", small=True)] if len(lines) > room else [])]


def _heading(title: str) -> Element:
    return {**_text(title, weight="Bolder"), "spacing": "Medium"}


def _pair(left: Element, right: Element) -> Element:
    columns = [{"type": "Column", "width": "stretch", "items": [left]}, {"type": "Column", "width": "auto", "items": [right]}]
    return {"type": "ColumnSet", "columns": columns, "spacing": "Small"}


def _text(words: str, *, small: bool = False, **style: str) -> Element:
    return _runs([_run(words, small=small, **style)])


def _runs(inlines: Sequence[Element], *, right: bool = False) -> Element:
    return {"type": "RichTextBlock", "inlines": list(inlines), **({"horizontalAlignment": "Right"} if right else {})}


def _run(words: str, *, small: bool = False, **style: str) -> Element:
    return {"type": "TextRun", "text": words or " ", **style, **({"size": "Small", "isSubtle": True} if small else {})}
