"""A message's content as Slack blocks, within Slack's limits, made and checked by slack-sdk's own classes. Nothing is sent here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from integrations.dashboard import DASHBOARD
from integrations.notify.sanitize import cleaned, slack

TEXT: Final = 2_900
"""A section's text may have 3,000 characters."""
HEADER: Final = 150
FIELDS: Final = 10
MARKS: Final = {
    "firing": "🔴",
    "many": "🔴",
    "still": "🔴",
    "resolved": "🟢",
    "restated": "🔁",
    "reminder": "🔴",
    "digest": "📊",
    "channel": "⚠️",
    "report": "📄",
    "report_failed": "⚠️",
    "sample": "🧪",
}
REPEATED: Final = "This may be a repeat: nobody knows whether it arrived the first time."


def slack_message(content: Mapping[str, Any], *, repeat: bool = False) -> tuple[str, list[dict[str, Any]]]:
    """The text for notifications and the blocks of a message. Raises SlackObjectFormationError for what Slack would refuse."""
    from slack_sdk.models.blocks import ContextBlock, HeaderBlock, MarkdownTextObject, PlainTextObject, SectionBlock

    said = cleaned(content)
    mark = MARKS.get(said.get("kind", ""), "🔴")
    title = str(said.get("title", ""))

    def markdown(text: str) -> MarkdownTextObject:
        return MarkdownTextObject(text=_clip(text, TEXT), verbatim=True)

    header = _clip(f"{mark} {title}", HEADER)
    blocks: list[Any] = [HeaderBlock(text=PlainTextObject(text=header, emoji=False))]
    if summary := slack(said.get("summary", "")):
        blocks.append(SectionBlock(text=markdown(summary)))
    facts = [markdown(f"*{slack(name)}*\n{slack(value)}") for name, value in said.get("facts", [])[:FIELDS]]
    if facts:
        blocks.append(SectionBlock(fields=facts))
    blocks += [SectionBlock(text=markdown(text)) for text in _sections(said)]
    small = [line for line in map(slack, _small(said)) if line]
    if repeat:
        small.append(REPEATED)
    blocks += [ContextBlock(elements=[markdown(line)]) for line in small]
    if said.get("commands"):
        blocks.append(ContextBlock(elements=[markdown(" · ".join(f"{slack(n)}: `{slack(c)}`" for n, c in said["commands"]))]))
    if said.get("link"):
        blocks.append(ContextBlock(elements=[markdown(f"<{_address(str(said['link']))}|Open the report>")]))
    return _clip(f"{mark} {slack(title)}", TEXT), [block.to_dict() for block in blocks]


def _sections(said: Mapping[str, Any]) -> list[str]:
    out = []
    if said.get("also"):
        out.append(
            _bulleted("The same cause" if said.get("kind") != "many" else "All of them", [slack(line) for line in said["also"]])
        )
    if said.get("bridge"):
        out.append(f"*Bridge*\n```{_aligned(said['bridge'])}```")
    if said.get("customers"):
        out.append(_bulleted("Customers behind it", [*(_customer(c) for c in said["customers"]), *_more(said)]))
    if said.get("causes"):
        out.append(_bulleted("Causes", [" · ".join(slack(part) for part in row) for row in said["causes"]]))
    if said.get("lines"):
        out.append(_bulleted("More", [slack(line) for line in said["lines"]]))
    return out


def _more(said: Mapping[str, Any]) -> list[str]:
    return [slack(said["customers_more"])] if said.get("customers_more") else []


def _small(said: Mapping[str, Any]) -> list[str]:
    out = list(said.get("notes", []))
    if said.get("lever"):
        out.append(f"Lever: {said['lever']}")
    if said.get("benchmark"):
        out.append(f"Benchmark: {said['benchmark']}")
    return out[:12]


def _customer(customer: Mapping[str, Any]) -> str:
    name = f"{slack(customer['name'])} " if customer.get("name") else ""
    why = f" ({slack(customer['why'])})" if customer.get("why") else ""
    who = f"`{slack(customer['customer'])}`"
    if str(customer.get("url", "")).startswith(f"{DASHBOARD}/"):
        who = f"<{customer['url']}|{slack(customer['customer'])}>"
    return f"{name}{who} *{slack(customer['delta'])}*: {slack(customer['before'])} → {slack(customer['after'])}{why}"


def _bulleted(title: str, lines: Sequence[str]) -> str:
    """A title and lines that fit into one section; what doesn't is counted."""
    text = f"*{title}*"
    for index, line in enumerate(lines):
        added = f"\n• {line}"
        if len(text) + len(added) > TEXT - 40:
            return f"{text}\n… and {len(lines) - index} more"
        text += added
    return text


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as columns of one width; the first is set left, the others right."""
    texts = [[slack(cell, 60) for cell in row] for row in rows[:20]]
    wide = [max(len(row[i]) if i < len(row) else 0 for row in texts) for i in range(max(len(row) for row in texts))]
    return "\n".join(
        "  ".join(cell.ljust(wide[i]) if i == 0 else cell.rjust(wide[i]) for i, cell in enumerate(row)).rstrip() for row in texts
    )


def _address(url: str) -> str:
    return url.replace("|", "%7C").replace(">", "%3E").replace("<", "%3C").replace("&", "&amp;")


def _clip(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    # Half of an entity would show as such.
    start = cut.rfind("&")
    return (cut[:start] if start > len(cut) - 6 and ";" not in cut[start:] else cut) + "…"
