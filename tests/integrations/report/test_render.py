"""The page as HTML: what a narrow screen must not part, and what has to stay as it was given."""

from integrations.report.content import Document, Field, Section, Text
from integrations.report.render import page, style


def test_a_number_stays_with_its_unit_and_what_a_form_sends_stays_as_it_is() -> None:
    """No line ends between 98.7 and %, or 1,200 and USD; a segment called "5 EUR" is sent back as it is called, and the style keeps its hash."""
    said = Section("s", "Sure", (Text(("NRR is 98.7 %, down by 1,200 USD of 3 plans.",)),))
    plan = Field("segment", "Plan", "5 EUR", (("5 EUR", "5 EUR a month"),))
    made = page(Document("NRR 98.7 %", "", (), (said,), form=(plan,)))
    assert "NRR is 98.7\N{NO-BREAK SPACE}%, down by 1,200\N{NO-BREAK SPACE}USD of 3 plans." in made
    assert '<option value="5 EUR" selected>5\N{NO-BREAK SPACE}EUR a month</option>' in made
    assert style() in made
