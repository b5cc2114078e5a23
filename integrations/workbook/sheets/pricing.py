"""List against net, what is at risk or scheduled to end, MRR by billing interval, and what is coming by dates that are known."""

from typing import Final

from integrations.workbook.content import Content
from integrations.workbook.pen import GREY, MONTH, Pen, column, major, printed
from metrics.labels import signal_name

NAME: Final = "Pricing"
HEAD: Final = 3
TITLES: Final = (
    "Month",
    "List MRR",
    "Net MRR",
    "Discounts",
    "of list",
    "At risk",
    "Scheduled churn",
    "Committed MRR",
    "Usage MRR",
)


def write(pen: Pen, content: Content) -> None:
    """The sheet."""
    sheet = pen.sheet
    sheet.set_column(0, 0, 36)
    sheet.set_column(1, 20, 14)
    sheet.freeze_panes(HEAD + 1, 1)
    pen.title(
        "Prices and terms",
        "At each month's closing. At risk: past due. Committed: net less what is scheduled to end. Usage is beside MRR.",
    )
    row = _list_and_net(pen, content)
    row = _intervals(pen, content, row + 1)
    _coming(pen, content, row + 1)
    printed(pen, rows=(HEAD, HEAD))


def _list_and_net(pen: Pen, content: Content) -> int:
    pen.header(HEAD, 0, TITLES, right_from=1)
    row = HEAD + 1
    for month in content.months.sort("month").iter_rows(named=True):
        listed, net = month["list"], month["closing"]
        at = row + 1
        pen.day(row, 0, month["month"], MONTH)
        pen.money(row, 1, listed)
        pen.money(row, 2, net)
        pen.sum_of(row, 3, f"B{at}-C{at}", listed - net)
        pen.share_of(row, 4, f"D{at}", major(listed - net), f"B{at}", major(listed))
        pen.money(row, 5, month["at_risk"])
        pen.money(row, 6, month["scheduled"])
        pen.sum_of(row, 7, f"C{at}-G{at}", net - month["scheduled"])
        pen.money(row, 8, month["usage"])
        row += 1
    return row


def _intervals(pen: Pen, content: Content, row: int) -> int:
    """MRR by billing interval, and the share of what is billed by the year."""
    names = sorted(content.intervals["interval"].unique().to_list())
    found = {(m, i): micros for m, i, micros in content.intervals.select("month", "interval", "closing").iter_rows()}
    months = sorted(content.intervals["month"].unique().to_list())
    pen.section(row, "Net MRR by billing interval", 9)
    yearly = [index for index, name in enumerate(names) if "year" in name]
    pen.header(row + 1, 0, ("Month", *names, "All", "Share by the year"), right_from=1)
    row += 2
    for month in months:
        at = row + 1
        values = [found.get((month, name), 0) for name in names]
        pen.day(row, 0, month, MONTH)
        for index, micros in enumerate(values):
            pen.money(row, 1 + index, micros)
        last = column(len(names))
        pen.sum_of(row, 1 + len(names), f"SUM(B{at}:{last}{at})", sum(values))
        part = "+".join(f"{column(1 + index)}{at}" for index in yearly)
        whole = f"{column(1 + len(names))}{at}"
        pen.share_of(
            row,
            2 + len(names),
            f"({part})" if part else "0",
            major(sum(values[i] for i in yearly)),
            whole,
            major(sum(values)),
        )
        row += 1
    return row


def _coming(pen: Pen, content: Content, row: int) -> None:
    pen.section(row, "What is coming by dates that are known", 9)
    if content.coming.is_empty():
        pen.text(row + 1, 0, "Nothing is known to come, or no night has looked ahead yet.", font_color=GREY)
        return
    day = content.coming["day"][-1]
    pen.text(
        row + 1,
        0,
        f"As seen on {day}, each in its own currency; by how much MRR would change, or how much it is about.",
        font_color=GREY,
    )
    pen.header(row + 2, 0, ("What", "Within days", "Currency", "MRR", "Customers"), right_from=1)
    row += 3
    for each in content.coming.iter_rows(named=True):
        pen.text(row, 0, signal_name(each["name"]))
        pen.whole(row, 1, each["within_days"])
        pen.text(row, 2, each["currency"].upper(), align="right")
        pen.money_of(row, 3, each["micros"], each["currency"])
        pen.whole(row, 4, each["customers"])
        row += 1
