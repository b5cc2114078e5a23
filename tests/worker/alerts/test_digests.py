"""Digests: once for each period, when it is over, with what it came to."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from integrations.notify.delivery import Attachment
from integrations.notify.email_message import letter
from integrations.store.db.engine import begin
from integrations.store.figures import reports, snapshots
from integrations.store.figures.reports import FailedReport, MadeReport
from metrics.alerts.rules import Watch
from tests.metrics.alerts.books import months
from tests.worker.alerts.desk import BASIS, Desk, Notebook
from tests.worker.alerts.test_alerting import _churned
from worker.alerts.digests import period
from worker.config.reports import ReportTable


@pytest.mark.parametrize(
    ("kind", "through", "first", "until"),
    [
        ("daily", date(2025, 6, 3), date(2025, 6, 3), date(2025, 6, 4)),
        ("weekly", date(2025, 6, 8), date(2025, 6, 2), date(2025, 6, 9)),
        ("weekly", date(2025, 6, 10), date(2025, 6, 2), date(2025, 6, 9)),
        ("monthly", date(2025, 6, 30), date(2025, 6, 1), date(2025, 7, 1)),
        ("monthly", date(2025, 7, 4), date(2025, 6, 1), date(2025, 7, 1)),
        ("monthly", date(2025, 1, 15), date(2024, 12, 1), date(2025, 1, 1)),
    ],
)
def test_a_period_is_the_last_one_that_is_over(kind: str, through: date, first: date, until: date) -> None:
    """Days, weeks from Monday to Sunday, months; 8 June 2025 is a Sunday."""
    assert (first, until) == period(kind, through)


def test_a_month_is_told_once_when_it_is_over(engine: Engine) -> None:
    """Bridge, movers, retention, trend; the next nights say nothing more, and a missed night only makes it later."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), system=(), digests=("monthly",)), slack)
    july = date(2025, 7, 1)
    for number in range(1, 5):
        _churned(engine, f"cus_{number}", 200 * number)
    book = [*months("month", july, 101, 98), *months("trailing_12", july, 104)]
    for day in (date(2025, 7, 3), date(2025, 7, 4), date(2025, 7, 30)):
        desk.night(day, book)
        desk.send()
    (parcel,) = slack.given
    said = parcel.content
    assert "Month in MRR: MRR 98,000 USD, −2,000 USD net new" == said["title"]
    assert ["NRR, 12 months", "104 %"] in said["facts"]
    assert ["NRR, June", "98 %"] in said["facts"]
    assert ["Churn", "−2,000 USD"] in said["bridge"]
    assert ["cus_4", "cus_3", "cus_2", "cus_1"] == [each["customer"] for each in said["customers"]]
    assert ("800 USD", "0 USD", "−800 USD", "churn") == tuple(
        said["customers"][0][key] for key in ("before", "after", "delta", "why")
    )
    assert [["2025-05", "101000000000"], ["2025-06", "98000000000"]] == said["chart"]["points"]
    assert ["No alert is firing."] == said["notes"]


def test_a_month_whose_figures_are_missing_is_not_told(engine: Engine) -> None:
    """The run has not come to June yet: no digest of May in June's place, and none of nothing."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), system=(), digests=("monthly",)), slack)
    desk.night(date(2025, 7, 3), months("month", date(2025, 6, 1), 101))
    desk.send()
    assert [] == slack.given


def test_a_week_names_who_moved(engine: Engine) -> None:
    """From the ledger's own movements and the totals of its days."""
    import polars as pl

    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), system=(), digests=("weekly", "daily")), slack)
    _churned(engine, "cus_big", 5_000)
    days = [(date(2025, 6, 1), 105_000), (date(2025, 6, 7), 100_000), (date(2025, 6, 8), 100_000)]
    rows = [("", "", "usd", day, major * 10**6, major * 10**6, 7 * 10**6, 3 * 10**6, 0, 20, 20) for day, major in days]
    with begin(engine) as connection:
        snapshots.replace_day_totals(connection, BASIS.version, pl.DataFrame(rows, schema=snapshots.DAY_TOTALS, orient="row"))
    desk.night(date(2025, 6, 9), [])
    desk.send()
    week, day = (p.content for p in slack.given)
    assert "Week in MRR: 100,000 USD (−5,000 USD)" == week["title"]
    assert [["Opening", "105,000 USD"], ["Churn", "−5,000 USD"], ["Closing", "100,000 USD"]] == week["bridge"]
    assert ["cus_big"] == [c["customer"] for c in week["customers"]]
    assert [["At risk", "7.00 USD"], ["Scheduled churn", "3.00 USD"]] == week["facts"]
    assert "Day in MRR: 100,000 USD (0 USD)" == day["title"]


def test_the_digest_of_a_month_speaks_of_its_reports(engine: Engine, tmp_path: Path) -> None:
    """Where each lies, or its address where the folder is served; what could not be made and why; attached only if that is asked for."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), system=(), digests=("monthly",)), slack)
    first, until = date(2025, 6, 1), date(2025, 7, 1)
    path, at_night = tmp_path / "workbook-2025-06.xlsx", datetime(2025, 7, 2, 5, tzinfo=UTC)
    path.write_bytes(b"book")
    made = MadeReport(
        BASIS.version,
        "default",
        "workbook",
        "month",
        first,
        until,
        "all:usd",
        str(path),
        4,
        hashlib.sha256(b"book").hexdigest(),
        at_night,
        {},
    )
    with begin(engine) as connection:
        number = reports.put(connection, made, None)
        reports.remember_failed(
            connection, [FailedReport("page", "month", first, until, "/srv can't be written: no", at_night, at_night)]
        )
    table = ReportTable(folder=tmp_path, digest="attached", url="https://reports.example.com")
    desk = replace(desk, alerting=replace(desk.alerting, reports=table))
    desk.night(date(2025, 7, 3), [*months("month", until, 101, 98), *months("trailing_12", until, 104)])
    desk.send()
    (parcel,) = slack.given
    assert ["Workbook of 2025-06, USD", "https://reports.example.com/workbook-2025-06.xlsx"] in parcel.content["facts"]
    assert "The page of 2025-06 could not be made yet: /srv can't be written: no." in parcel.content["notes"]
    assert [("workbook-2025-06.xlsx", b"book")] == [(each.name, each.data) for each in parcel.files]
    assert [number] == desk.posted()[0].message.body["attach"]


def test_a_mail_carries_what_is_attached() -> None:
    """Beside text, HTML and chart, with its name and kind."""
    said = {"kind": "digest", "title": "Month", "summary": "June."}
    book = Attachment("workbook-2025-06.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK book")
    how: dict[str, Any] = {
        "key": "k",
        "thread": None,
        "sender": "a@b.example",
        "recipients": ["c@d.example"],
        "at": datetime(2025, 7, 2, tzinfo=UTC),
    }
    mail = letter(said, **how, files=[book])
    [attached] = list(mail.iter_attachments())
    assert ("workbook-2025-06.xlsx", b"PK book") == (attached.get_filename(), attached.get_payload(decode=True))
    assert "multipart/mixed" == mail.get_content_type()
    assert "multipart/mixed" != letter(said, **how).get_content_type()
