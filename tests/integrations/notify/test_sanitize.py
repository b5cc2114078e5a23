"""Text from outside can say anything and do nothing: in Slack's markup, in HTML, in headers, in pictures."""

import re
from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.notify.email_message import BadMailAddress, address, letter
from integrations.notify.sanitize import cleaned, plain, slack, without
from integrations.notify.slack_blocks import slack_message
from tests.examples import so_many
from tests.integrations.notify.samples import AT, content, hostile


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [t for v in value.values() for t in _texts(v)]
    if isinstance(value, list):
        return [t for v in value for t in _texts(v)]
    return [value] if isinstance(value, str) else []


def test_nothing_breaks_out_of_slack_markup() -> None:
    """No mention, no link, no control character; angle brackets are only those of our own link."""
    text, blocks = slack_message({**hostile(), "link": "https://nrr.example/?a=1&b=<x>|y"})
    assert "plain_text" == blocks[0]["text"]["type"], "where nothing is markup"
    for each in [text, *_texts(blocks[1:])]:
        assert not re.search(r"<[!@#]", each)
    for each in [text, *_texts(blocks)]:
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", each)
    links = [found for each in [text, *_texts(blocks[1:])] for found in re.findall(r"<[^>]*>", each)]
    assert ["<https://nrr.example/?a=1&amp;b=%3Cx%3E%7Cy|Open the report>"] == links


def test_slack_is_not_asked_to_look_for_links_or_emoji() -> None:
    """Text is verbatim: an address in a name does not become a link, and :smile: stays what it is."""
    _, blocks = slack_message(hostile())
    for block in blocks:
        for each in [block.get("text"), *block.get("fields", []), *block.get("elements", [])]:
            if each is not None:
                assert each.get("verbatim") is True or each.get("emoji") is False


@given(st.lists(st.text(max_size=4000), min_size=1, max_size=60))
@so_many(25)
def test_any_text_fits_into_slack(texts: list[str]) -> None:
    """However much text there is, slack-sdk's own classes accept the blocks: their limits are checked when they are made."""
    long = content(
        title=texts[0],
        summary=texts[-1],
        also=texts,
        notes=texts,
        lines=texts,
        facts=[[t, t] for t in texts],
        bridge=[[t, t, t] for t in texts],
        causes=[[t, t, t] for t in texts],
        commands=[[t, t] for t in texts[:4]],
        customers=[{"customer": t, "name": t, "before": t, "after": t, "delta": t, "why": t} for t in texts],
    )
    text, blocks = slack_message(long)
    assert len(text) <= 3000
    assert len(blocks) <= 50
    for block in blocks:
        for each in [block.get("text"), *block.get("fields", []), *block.get("elements", [])]:
            if each is not None:
                assert 1 <= len(each["text"]) <= (150 if block["type"] == "header" else 3000)


def test_html_is_escaped_and_headers_are_one_line() -> None:
    """Tags in a name are text; a line end in a title makes no header."""
    mail = letter(hostile(), key="k", thread=None, sender="nrr <a@example.com>", recipients=("b@example.com",), at=AT)
    read = message_from_bytes(mail.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert read["Bcc"] is None
    assert "\n" not in str(read["Subject"])
    body = read.get_body(("html",))
    assert body is not None
    page = body.get_content()
    assert "<script" not in page
    assert "<b>bold" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7*7 }}" in page, "it is text, and was never a template"


@given(st.text(max_size=300))
@so_many(60)
def test_plain_text_holds_no_control_characters_and_no_line_ends(text: str) -> None:
    """Whatever comes in, one line comes out, and cleaning it again changes nothing."""
    line = plain(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", line)
    assert line == plain(line)
    assert len(line) <= 500
    assert "<" not in slack(text)


def test_an_address_can_not_carry_a_header() -> None:
    """Line ends, several addresses and things that are none are refused."""
    for wrong in ("a@example.com\r\nBcc: b@example.com", "a@example.com, b@example.com", "nobody", "a b@example.com", ""):
        with pytest.raises(BadMailAddress):
            address(wrong)
    assert "Ops <ops@example.com>" == str(address("Ops <ops@example.com>"))


def test_a_secret_is_taken_out_of_a_text() -> None:
    """Whatever the library says, the secret is gone; a word too short to be one stays."""
    assert "failed: *** for a" == without("failed: hunter22 for a", ("hunter22", "a", None))


def test_cleaning_keeps_the_shape() -> None:
    """Numbers and nothing stay as they are."""
    assert {"a": ["x y", 1, None], "b": {"c": "z"}} == cleaned({"a": ["x\ny", 1, None], "b": {"c": "z\x00"}})
