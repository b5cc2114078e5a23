"""Notes: what crossed its limit and may be chance is in the digest and in the list, and becomes an alarm once it is beyond noise."""

from datetime import date

import pytest
from sqlalchemy import Engine

from metrics.alerts.rules import Watch
from tests.metrics.alerts.books import figures, months
from tests.metrics.alerts.test_certain_stories import JUNE, SURE, book
from tests.worker.alerts.desk import Desk, Notebook
from tests.worker.alerts.test_alerting import _churned


def test_a_note_is_in_the_digest_and_rings_on_the_night_on_which_it_is_beyond_noise(engine: Engine) -> None:
    """Two of a hundred left: nobody is woken, the digest of May has it in words. A third is found to have left: now it rings, once."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(SURE,), system=(), digests=("monthly",)), slack)
    two, three = (book([100] * 100, [100] * (100 - n) + [0] * n) for n in (2, 3))
    desk.night(JUNE, [*months("month", JUNE, 101, 99), two])
    desk.send()
    assert "noted" == desk.state("nrr")
    (digest,) = (given.content for given in slack.given)
    assert "digest" == digest["kind"]
    assert [
        "No alert is firing.",
        "Note: nrr is at 98 % (the 12 months to May 2025), its limit below 100 %: within noise.",
    ] == digest["notes"]
    assert [["See more", "nrr show retention --from 2025-05-01 --to 2025-05-31"]] == digest["commands"]
    desk.night(date(2025, 6, 9), [three])
    desk.night(date(2025, 6, 10), [three])
    desk.send()
    assert ["nrr: ok -> noted", "nrr: noted -> firing"] == desk.history()
    assert 2 == len(slack.given)
    assert "NRR below 100 %: 97 % (the 12 months to May 2025)" == slack.titles[-1]
    assert "Beyond noise: 100 customers" in slack.given[-1].content["summary"]


@pytest.mark.parametrize(
    ("currencies", "more"),
    [(("usd",), "and 3 more movements: \N{MINUS SIGN}1,200 USD"), (("usd", "eur"), "and 4 more movements")],
    ids=["one-currency", "two-currencies"],
)
def test_a_months_list_that_is_cut_adds_up_to_what_its_bridge_says(engine: Engine, currencies: tuple[str, ...], more: str) -> None:
    """Eight left in May, five are named: with the sum of the others where all is in the bridge's currency, else by number alone."""
    for number in range(1, 9):
        _churned(engine, f"cus_{number}", 200 * number)
    for number, currency in enumerate(currencies[1:]):
        _churned(engine, f"cus_abroad_{number}", 1, currency)
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), system=(), digests=("monthly",)), slack)
    desk.night(date(2025, 7, 1), [figures("month", date(2025, 7, 1), nrr=92)])
    desk.send()
    (digest,) = (given.content for given in slack.given)
    assert [f"cus_{number}" for number in (8, 7, 6, 5, 4)] == [each["customer"] for each in digest["customers"]]
    assert more == digest["customers_more"]


def test_a_weeks_list_that_is_cut_says_how_many_more_movements_there_are(engine: Engine) -> None:
    """Seven left in the week, five are named, largest first, all to the same places."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), system=(), digests=("weekly",)), slack)
    for number in range(1, 8):
        _churned(engine, f"cus_{number}", 400 * number)
    desk.night(date(2025, 6, 9), [])
    desk.send()
    (digest,) = (given.content for given in slack.given)
    assert [f"cus_{number}" for number in (7, 6, 5, 4, 3)] == [each["customer"] for each in digest["customers"]]
    assert "and 2 more movements" == digest["customers_more"]
    assert [["See more", "nrr show movements --from 2025-06-02 --to 2025-06-08"]] == digest["commands"]
