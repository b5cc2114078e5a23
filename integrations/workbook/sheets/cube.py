"""The customer cube: a row a customer, a column a month. Everything that is calculated elsewhere rests on this sheet."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from integrations.workbook.check import Check, of_row
from integrations.workbook.content import Content
from integrations.workbook.layout import CUBE, DIFFERENCE, FIRST, HEAD, STORED, TOTAL, Places
from integrations.workbook.pen import INPUT, MONTH, Pen, column, fit, looks_like_a_formula, major, printed, total

TITLES: Final = {
    "customer": "Customer",
    "name": "Name",
    "parent": "Stripe customers (of a parent)",
    "signup": "Signed up",
    "country": "Country",
    "plan": "Plan",
    "product": "Product",
    "interval": "Interval",
    "account": "Account",
}
WIDTHS: Final = {
    "customer": 22,
    "name": 26,
    "parent": 26,
    "signup": 10,
    "country": 9,
    "plan": 30,
    "product": 22,
    "interval": 9,
    "account": 16,
}
BLOCKS: Final = {
    "mrr": "MRR at the month's closing",
    "month_ago": "The same at the rate of the month before",
    "year_ago": "The same at the rate of twelve months before",
    "elsewhere": "1: MRR in another currency at that closing",
}


def write(pen: Pen, content: Content, where: Places) -> list[Check]:
    """The sheet."""
    cube, about, sheet = content.cube, content.about, pen.sheet
    months = [day.replace(day=1) for day in cube.days]
    what = (
        f"expressed in {about.currency.upper()}, each month at its closing's rate"
        if about.whole_book
        else f"billed in {about.currency.upper()}"
    )
    for col, label in enumerate(where.labels):
        sheet.set_column(col, col, WIDTHS[label])
    for block in where.blocks:
        first = where.start(block)
        level = {} if block == "mrr" else {"level": 1}
        sheet.set_column(first, first + where.closings - 1, 11.5, None, level)
    sheet.freeze_panes(FIRST, where.labels.index("parent"))
    pen.title(
        "Customer cube",
        f"MRR of every customer at the closing of every month, {what}; the first column is the opening. "
        "Plan, product, interval and country are those of the last month with MRR.",
    )
    differs = _totals(pen, content, where)
    _heads(pen, where, months)
    _rows(pen, content, where)
    if where.rows:
        sheet.autofilter(HEAD, 0, FIRST + where.rows - 1, len(where.labels) - 1)
    mrr = where.start("mrr")
    printed(pen, rows=(HEAD, HEAD), columns=0, wide=True)
    sheet.print_area(0, 0, FIRST + max(1, where.rows) - 1, mrr + where.closings - 1)
    sheet.set_v_pagebreaks([mrr + index for index in range(0, where.closings, 13)])
    _names(pen, where)
    return [of_row(pen, CUBE, "MRR at each closing", DIFFERENCE, (mrr, mrr + where.closings - 1), differs=differs)]


def _totals(pen: Pen, content: Content, where: Places) -> bool:
    """The sums, what is stored, and the differences; gives whether there is any."""
    stored = {row["month"]: row for row in content.months.iter_rows(named=True)}
    first = where.start("mrr")
    sums = [int(content.cube.at(index).sum()) for index in range(where.closings)]
    held: list[int | None] = []
    for index, day in enumerate(content.cube.days):
        month = stored.get(day.replace(day=1))
        after = stored.get(content.cube.days[1].replace(day=1)) if index == 0 and len(content.cube.days) > 1 else None
        held.append(month["closing"] if month else after["opening"] if after else None)
    pen.text(TOTAL, 0, "Total (live)", **total())
    for col in range(1, first):
        pen.sheet.write_blank(TOTAL, col, None, pen.kit.format(**total()))
    for index, micros in enumerate(sums):
        pen.sum_of(TOTAL, first + index, f"SUM({where.here(first + index)})", micros, **total())
    pen.text(STORED, 0, "As nrr show has it")
    for index, amount in enumerate(held):
        pen.money(STORED, first + index, amount)
    pen.text(DIFFERENCE, 0, "Difference")
    for index, amount in enumerate(held):
        if amount is not None:
            letters = column(first + index)
            pen.sum_of(DIFFERENCE, first + index, f"{letters}{TOTAL + 1}-{letters}{STORED + 1}", sums[index] - amount)
    return any(amount is not None and amount != sums[index] for index, amount in enumerate(held))


def _heads(pen: Pen, where: Places, months: Sequence[date]) -> None:
    for block in where.blocks:
        pen.text(HEAD - 1, where.start(block), BLOCKS[block], bold=True, italic=True)
    pen.header(HEAD, 0, [TITLES[label] for label in where.labels])
    for block in where.blocks:
        pen.months(HEAD, where.start(block), months)


def _rows(pen: Pen, content: Content, where: Places) -> None:
    """A row a customer. Written past the pen where there are as many cells as customers and months: it is most of the work."""
    cube, kit = content.cube, pen.kit
    money = kit.format(num_format=kit.money_pattern(), font_color=INPUT)
    flag = kit.format(num_format="0;-0;", font_color=INPUT)
    month = kit.format(num_format=MONTH, align="left")
    plain, quoted = kit.format(), kit.format(quote_prefix=True)
    tables = [(where.start(block), getattr(cube, block), flag if block == "elsewhere" else money) for block in where.blocks]
    said = _said(content, where)
    number, string = pen.sheet.write_number, pen.sheet.write_string
    for index, customer in enumerate(cube.customers.iter_rows(named=True)):
        row = FIRST + index
        for col, label in enumerate(where.labels):
            if label == "signup":
                pen.sheet.write_datetime(row, col, customer["signup"], month)
                continue
            text = said[label].get(str(customer["customer"] if label in ("name", "parent") else customer[label]), None)
            text = text if text is not None or label in ("name", "parent") else _plain(customer[label])
            if text:
                string(row, col, fit(text), quoted if looks_like_a_formula(text) else plain)
        for start, table, look in tables:
            for col, value in enumerate(table.row(index), start):
                number(row, col, value if look is flag else major(value), look)


def _plain(value: object) -> str | None:
    return None if value is None else str(value)


def _said(content: Content, where: Places) -> Mapping[str, Mapping[str, str]]:
    """What is written for what a customer is, where it isn't written as it is."""
    found: dict[str, dict[str, str]] = {label: {} for label in where.labels}
    for (dimension, value), words in content.words.items():
        if dimension in found:
            found[dimension][value] = words
    found["parent"] = {name: ", ".join(parts) for name, parts in content.members.items()}
    if "name" in found:
        found["name"] = dict(content.names)
    return found


def _names(pen: Pen, where: Places) -> None:
    """Names for those who write formulas of their own."""
    rows = max(1, where.rows)
    low, high = column(where.start("mrr")), column(where.start("mrr") + where.closings - 1)
    define = pen.kit.book.define_name
    define("cube_customers", f"={where.of('customer')}")
    define("cube_signup", f"={where.of('signup')}")
    define("cube_mrr", f"={CUBE}!${low}${FIRST + 1}:${high}${FIRST + rows}")
    define("cube_months", f"={CUBE}!${low}${HEAD + 1}:${high}${HEAD + 1}")
