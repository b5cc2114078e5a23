"""What lies outside subscriptions, said in messages of figures and in digests: when it is much or has grown, and never else."""

from datetime import date
from fractions import Fraction

import polars as pl
import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import begin
from integrations.store.figures import billings
from metrics.alerts.rules import Rule, Watch
from tests.metrics.alerts.books import months
from tests.worker.alerts.desk import Desk, Notebook

NRR = Rule("nrr", "nrr", "month", "below", Fraction(1))
MAY, JUNE, JULY, NIGHT = date(2025, 5, 1), date(2025, 6, 1), date(2025, 7, 1), date(2025, 7, 3)
BOOK = months("month", JULY, 101, 98)
EIGHT = "8 % of what was invoiced in June 2025 lies outside subscriptions (3 % the month before): no figure here has it."
TWELVE = "12 % of what was invoiced in June 2025 lies outside subscriptions (11 % the month before): no figure here has it."


def invoiced(engine: Engine, *outside: tuple[date, str, int]) -> None:
    """Of 100.00 that were invoiced in each month and currency, so many lay outside subscriptions."""
    rows = []
    for month, currency, percent in outside:
        parts = [("outside", "manual", percent), ("subscription", "", 100 - percent)]
        rows += [(month, 1, currency, name, mark, "", 1, amount * 1_000_000, 0) for name, mark, amount in parts]
    with begin(engine) as connection:
        billings.replace_months(connection, None, pl.DataFrame(rows, schema=billings.STORED, orient="row"))


def told(engine: Engine, watch: Watch) -> list[str]:
    """What the one message of the night says of it."""
    slack = Notebook()
    desk = Desk.open(engine, watch, slack)
    desk.night(NIGHT, BOOK)
    desk.send()
    (parcel,) = slack.given
    return [note for note in parcel.content.get("notes", []) if "outside subscriptions" in note]


@pytest.mark.parametrize("watch", [Watch(rules=(NRR,), system=()), Watch(rules=(), system=(), digests=("monthly",))])
@pytest.mark.parametrize(
    ("may", "june", "expected"),
    [(11, 12, [TWELVE]), (3, 8, [EIGHT]), (4, 8, []), (10, 10, []), (12, 0, [])],
    ids=["above the limit", "risen by five points", "below and hardly risen", "at the limit", "nothing any more"],
)
def test_a_message_and_a_digest_say_it_when_it_is_much_or_has_grown(
    engine: Engine, watch: Watch, may: int, june: int, expected: list[str]
) -> None:
    """Above a tenth, or five points more than the month before; else not a word of it."""
    invoiced(engine, (MAY, "usd", may), (JUNE, "usd", june))
    assert expected == told(engine, watch)


def test_the_limit_is_the_one_that_was_set(engine: Engine) -> None:
    """12 % is not above 15 %."""
    invoiced(engine, (MAY, "usd", 11), (JUNE, "usd", 12))
    assert [] == told(engine, Watch(rules=(NRR,), system=(), outside_share=Fraction(15, 100)))


def test_of_several_currencies_each_is_named(engine: Engine) -> None:
    """Each by itself, and only the one that is worth saying; without a month before there is nothing to set it beside."""
    invoiced(engine, (JUNE, "usd", 5), (JUNE, "eur", 20))
    assert ["20 % of what was invoiced in EUR in June 2025 lies outside subscriptions: no figure here has it."] == told(
        engine, Watch(rules=(NRR,), system=())
    )


def test_the_end_of_an_alert_does_not_say_it(engine: Engine) -> None:
    """That an alert is over rests on nothing that was invoiced."""
    invoiced(engine, (MAY, "usd", 11), (JUNE, "usd", 50))
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(NRR,), system=()), slack)
    desk.night(NIGHT, BOOK)
    desk.night(date(2025, 8, 3), months("month", date(2025, 8, 1), 101, 98, 104))
    desk.send()
    said = {parcel.content["kind"]: str(parcel.content.get("notes", "")) for parcel in slack.given}
    assert "50 % of what was invoiced" in said["firing"]
    assert "outside subscriptions" not in said["resolved"]
