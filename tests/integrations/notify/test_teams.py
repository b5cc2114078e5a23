"""Microsoft Teams: the card as clients take it, harmless, and within 25 KB."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.notify.teams import Teams, TeamsTarget
from integrations.notify.teams_card import teams_message
from integrations.web import Web
from tests.integrations.notify.samples import content, hostile, parcel
from tests.integrations.notify.slack_server import Answer, SlackServer

QUICK = Web(timeout_seconds=(1.0, 1.0))

# What Adaptive Cards 1.4 know of the elements that are used: required keys, and all that are allowed.
ELEMENTS = {
    "RichTextBlock": ({"inlines"}, {"inlines", "horizontalAlignment", "spacing"}),
    "TextRun": ({"text"}, {"text", "size", "weight", "color", "isSubtle", "fontType", "selectAction"}),
    "ColumnSet": ({"columns"}, {"columns", "spacing"}),
    "Column": ({"items"}, {"items", "width"}),
    "Action.OpenUrl": ({"url"}, {"url", "title"}),
}
WORDS = {
    "size": {"Default", "Small", "Medium", "Large", "ExtraLarge"},
    "weight": {"Default", "Lighter", "Bolder"},
    "color": {"Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"},
    "fontType": {"Default", "Monospace"},
    "spacing": {"Default", "None", "Small", "Medium", "Large", "ExtraLarge", "Padding"},
    "horizontalAlignment": {"Left", "Center", "Right"},
    "width": {"auto", "stretch"},
}


def checked(element: dict[str, Any]) -> None:
    """An element and all within it are what the schema allows."""
    required, allowed = ELEMENTS[element["type"]]
    keys = set(element) - {"type"}
    assert required <= keys <= allowed, element
    for name, words in WORDS.items():
        assert element.get(name, next(iter(words))) in words, element
    for name in ("inlines", "columns", "items"):
        for each in element.get(name, ()):
            checked(each)
    if "selectAction" in element:
        checked(element["selectAction"])
    if element["type"] == "TextRun":
        assert isinstance(element["text"], str)
        assert element["text"]


def card(message: dict[str, Any]) -> dict[str, Any]:
    """The one card of a message."""
    (attachment,) = message["attachments"]
    assert ("message", "application/vnd.microsoft.card.adaptive") == (message["type"], attachment["contentType"])
    made: dict[str, Any] = attachment["content"]
    assert {"$schema", "type", "version", "body", "msteams", "actions"} >= set(made)
    assert ("AdaptiveCard", "1.4") == (made["type"], made["version"])
    for element in [*made["body"], *made.get("actions", ())]:
        checked(element)
    return made


def said(made: dict[str, Any]) -> str:
    """Everything that a card says, run by run."""

    def runs(element: dict[str, Any]) -> list[str]:
        inner = [each for name in ("inlines", "columns", "items") for each in element.get(name, ())]
        return ([element["text"]] if "text" in element else []) + [t for each in inner for t in runs(each)]

    return "\n".join(t for each in made["body"] for t in runs(each))


def test_a_card_says_what_a_mail_says() -> None:
    """Title, sentence, figures, bridge, customers with what the list leaves out, causes, lever and the next command."""
    whole = content(link="https://reports.example/october")
    text = said(card(teams_message(whole)))
    for words in (
        whole["title"],
        whole["summary"],
        "Bridge",
        "Customers behind it",
        "cus_sample_1",
        whole["customers_more"],
        "nrr alerts list",
    ):
        assert words in text
    assert "https://reports.example/october" == card(teams_message(whole))["actions"][0]["url"]


@pytest.mark.parametrize(
    "kind", ["firing", "many", "still", "reminder", "resolved", "restated", "digest", "channel", "report", "sample"]
)
def test_every_kind_of_message_is_a_card(kind: str) -> None:
    """Also one that has nothing but a title, and one of everything."""
    card(teams_message(content(kind=kind), repeat=True))
    card(teams_message({"kind": kind, "title": "x"}))


def test_nothing_hostile_can_come_out() -> None:
    """Texts from outside stand in runs, which know no markup; no address but Stripe's dashboard can be opened."""
    made = hostile()
    made["customers"] = [{**c, "url": "https://evil.example/"} for c in made["customers"]]
    made["link"] = "javascript:alert(1)"
    message = json.dumps(card(teams_message(made)))
    assert "OpenUrl" not in message
    assert '"TextBlock"' not in message
    assert "\\r" not in message
    assert "\\u0000" not in message


def test_the_largest_message_fits() -> None:
    """Everything as long as it can be: below 25 KB, and what is left out is counted."""
    rows = [["Name " * 40, "value " * 60] for _ in range(40)]
    people = [
        {"customer": f"cus_{n}" + "x" * 200, "name": "ü" * 200, "delta": "−1", "before": "2", "after": "1", "why": "w" * 300}
        for n in range(12)
    ]
    made = content(
        facts=rows, bridge=rows, causes=rows, customers=people, notes=["n" * 500] * 12, also=["a" * 400] * 13, summary="s" * 5_000
    )
    message = teams_message(made)
    assert 25_000 > len(json.dumps(message, ensure_ascii=False).encode())
    card(message)


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workflow on loopback."""
    with SlackServer() as running:
        yield running


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (Answer(202, ""), "sent"),
        (Answer(200, "1"), "sent"),
        (Answer(400, "TriggerInputSchemaMismatch"), "failed"),
        (Answer(401, "DirectApiAuthorizationRequired"), "dead"),
        (Answer(404, "WorkflowNotFound"), "dead"),
        (Answer(429, ""), "again"),
        (Answer(502, "bad gateway"), "ambiguous"),
        (Answer(fault="reset"), "ambiguous"),
    ],
)
def test_what_a_workflow_answers_decides(server: SlackServer, answer: Answer, end: str) -> None:
    """It can't tell a card that it showed already, so what may have been taken isn't repeated blindly."""
    server.script = [answer]
    done = Teams(TeamsTarget(server.webhook), lambda _s: None, QUICK, "board").deliver(parcel())
    assert end == done.end
    assert 1 == len(server.asked)
    assert "s3cr3t" not in f"{done} {TeamsTarget(server.webhook)}"
