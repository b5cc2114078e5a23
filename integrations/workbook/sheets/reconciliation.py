"""How far another source's MRR is from this one, rule by rule and customer by customer, if one was reconciled."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from integrations.workbook.content import Content
from integrations.workbook.pen import GREY, Pen, major, printed, total

NAME: Final = "Reconciliation"
MOST: Final = 20_000


def write(pen: Pen, content: Content) -> None:
    """The sheet; without a reconciliation it says how one is made."""
    sheet, found = pen.sheet, content.reconciliation
    for col, width in enumerate((30, 26, 14, 14, 16, 16, 16, 60)):
        sheet.set_column(col, col, width)
    sheet.freeze_panes(3, 0)
    pen.title("Differences to another source", "Theirs less ours, each difference explained by a rule or named.")
    if found is None:
        pen.text(3, 0, "No other source was reconciled for this workbook.", bold=True)
        pen.text(
            4,
            0,
            "nrr reconcile FILE --json > differences.json, then nrr export workbook --reconciled differences.json",
            font_color=GREY,
        )
    else:
        _about(pen, found)
        row = _totals(pen, found.get("totals") or (), 6)
        row = _rules(pen, found.get("rules") or (), row + 1)
        _differences(pen, found.get("differences") or (), row + 1)
    printed(pen)


def _about(pen: Pen, found: Mapping[str, Any]) -> None:
    pen.text(
        3, 0, f"File {found.get('file')}, under the policy {found.get('policy')}, days {found.get('from')} to {found.get('to')}"
    )
    share = found.get("explained_share")
    pen.text(4, 0, "Explained by rules" if share is not None else "Nothing differs that could be explained")
    if share is not None:
        pen.rate(4, 1, str(share), align="left")


def _totals(pen: Pen, rows: Sequence[Mapping[str, Any]], row: int) -> int:
    pen.section(row, "Totals", 8)
    pen.header(row + 1, 0, ("Day", "Currency", "Ours", "Theirs", "Difference"), right_from=2)
    row += 2
    for each in rows:
        code = str(each["currency"])
        pen.text(row, 0, str(each["day"]))
        pen.text(row, 1, code.upper())
        ours, theirs = _micros(each, "ours"), _micros(each, "theirs")
        pen.money_of(row, 2, ours, code)
        pen.money_of(row, 3, theirs, code)
        difference = major((theirs or 0) - (ours or 0))
        pen.formula(row, 4, f"ROUND(D{row + 1}-C{row + 1},6)", difference, pen.kit.money_pattern(code), **total())
        row += 1
    return row


def _rules(pen: Pen, rows: Sequence[Mapping[str, Any]], row: int) -> int:
    pen.section(row, "By rule", 8)
    pen.header(
        row + 1,
        0,
        ("Rule", "Kind", "Currency", "Difference", "Without signs", "How often", "Customers", "What it is"),
        right_from=3,
    )
    row += 2
    for each in rows:
        code = str(each["currency"])
        pen.text(row, 0, _plain(each["rule"]))
        pen.text(row, 1, _plain(each.get("kind", "")))
        pen.text(row, 2, code.upper())
        pen.money_of(row, 3, _micros(each, "difference"), code)
        pen.money_of(row, 4, each.get("absolute_micros"), code)
        pen.whole(row, 5, each.get("differences"))
        pen.whole(row, 6, each.get("customers"))
        pen.text(row, 7, str(each.get("words") or ""), indent=1)
        row += 1
    return row


def _differences(pen: Pen, rows: Sequence[Mapping[str, Any]], row: int) -> None:
    pen.section(row, "Customer by customer", 8)
    pen.header(
        row + 1, 0, ("Customer", "Their key", "Day", "Currency", "Ours", "Theirs", "Difference", "Shares by rule"), right_from=4
    )
    row += 2
    for each in rows[:MOST]:
        code = str(each["currency"])
        for col, key in enumerate(("customer", "their_key", "day")):
            pen.text(row, col, None if each.get(key) is None else str(each[key]))
        pen.text(row, 3, code.upper())
        for col, key in enumerate(("ours", "theirs", "difference"), 4):
            pen.money_of(row, col, _micros(each, key), code)
        pen.text(
            row, 7, "; ".join(f"{_plain(share['rule'])} {share['difference']}" for share in each.get("shares") or ()), indent=1
        )
        row += 1
    if len(rows) > MOST:
        pen.text(row, 0, f"and {len(rows) - MOST:,} more: nrr reconcile", bold=True)


def _plain(word: object) -> str:
    return str(word).replace("_", " ")


def _micros(row: Mapping[str, Any], key: str) -> int | None:
    value = row.get(f"{key}_micros")
    return None if value is None else int(value)
