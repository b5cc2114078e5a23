"""The table of what Stripe's answers may leave out is the one that its description of the API gives."""

import pytest

from tests.integrations.stripe.reference import openapi
from tests.lives.permitted import FILE, as_text, derived, table


def test_the_table_is_cut_from_the_description() -> None:
    """Made anew from the description it is the same, letter by letter."""
    assert as_text(derived(openapi())) == FILE.read_text()


@pytest.mark.parametrize(
    ("kind", "field", "may"),
    [
        ("line_item", "parent", ("null", "absent")),
        ("line_item", "period", ()),
        ("subscription", "items", ("cut",)),
        ("subscription_item", "quantity", ("absent",)),
        ("coupon", "applies_to", ("absent",)),
        ("price_tier", "up_to", ("null", "absent")),
    ],
)
def test_the_table_says_what_may_be_missing(kind: str, field: str, may: tuple[str, ...]) -> None:
    """What every reader of Stripe stumbles over is in it; what must always be there is not."""
    known = table()[kind]
    assert may == (known[field].may if field in known else ())
