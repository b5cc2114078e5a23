"""The lines of the snowball: MRR and customers of each month, as live formulas on the cube, with what they come to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from integrations.workbook.layout import Places
from integrations.workbook.pen import column
from metrics.retention.cube import Step

LABELS: Final = 2
"""Columns before the first month: what it is, and how it comes about."""
HEAD: Final = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its name, how it is made, the formula of a month (by its number from 1), and what it comes to."""

    key: str
    name: str
    how: str
    formula: Callable[[int], str]
    value: Callable[[Step], int]
    count: bool = False
    sums: bool = False


def head(col: int) -> str:
    """The cell of the head of a column."""
    return f"{column(col)}${HEAD + 1}"


def _ends(where: Places) -> tuple[Callable[[int], str], Callable[[int], str]]:
    """The areas of a month's opening and of its closing, both at the opening's exchange rate."""
    return (lambda i: where.mrr(i - 1)), (lambda i: where.at_rate_of(i, i - 1))


def _when(area: str | None, value: int) -> str:
    """A further condition of a sum, where there is such an area."""
    return "" if area is None else f",{area},{value}"


def mrr_lines(where: Places) -> list[Line]:
    """The lines of MRR; `where` the cube's columns stand."""
    several, foreign = "elsewhere" in where.blocks, "month_ago" in where.blocks
    signup = where.of("signup")

    before, end = _ends(where)

    def came(i: int, signed: str) -> str:
        return f"SUMIFS({where.mrr(i)},{before(i)},0,{signup},{signed}{_when(where.elsewhere(i - 1), 0)})"

    def shrunk(i: int) -> str:
        inside = f"SUMPRODUCT(({end(i)}>0)*({end(i)}<{before(i)})*({before(i)}-{end(i)}))"
        return f"-{inside}" + (f"-SUMIFS({before(i)},{end(i)},0{_when(where.elsewhere(i), 1)})" if several else "")

    lines = [
        Line("opening", "Opening MRR", "the closing of the month before", lambda i: f"SUM({before(i)})", lambda s: s.opening),
        Line(
            "new",
            "New",
            "nothing at the opening, signed up in this month",
            lambda i: came(i, head(LABELS + i - 1)),
            lambda s: s.new,
        ),
        Line(
            "back",
            "Reactivation",
            "nothing at the opening, signed up before",
            lambda i: came(i, f'"<"&{head(LABELS + i - 1)}'),
            lambda s: s.reactivation,
        ),
    ]
    if several:
        lines.append(
            Line(
                "switched",
                "Switched in",
                "nothing in this currency at the opening, but in another",
                lambda i: f"SUMIFS({where.mrr(i)},{before(i)},0{_when(where.elsewhere(i - 1), 1)})",
                lambda s: s.switched_in,
            )
        )
    lines += [
        Line(
            "expansion",
            "Expansion",
            "more than at the opening",
            lambda i: f"SUMPRODUCT(({before(i)}>0)*({end(i)}>{before(i)})*({end(i)}-{before(i)}))",
            lambda s: s.expansion,
        ),
        Line(
            "contraction",
            "Contraction",
            "less than at the opening" + (", or moved to another currency" if several else ""),
            shrunk,
            lambda s: -s.contraction,
        ),
        Line(
            "churn",
            "Churn",
            "nothing any more",
            lambda i: f"-SUMIFS({before(i)},{end(i)},0{_when(where.elsewhere(i), 0)})",
            lambda s: -s.churn,
        ),
    ]
    if foreign:
        lines.append(
            Line(
                "fx",
                "Exchange rates",
                "what rates did to those who were there",
                lambda i: f"SUMPRODUCT(({before(i)}>0)*({where.mrr(i)}-{end(i)}))",
                lambda s: s.fx,
            )
        )
    lines.append(
        Line(
            "closing",
            "Closing MRR",
            "the sum of the cube's column",
            lambda i: f"SUM({where.mrr(i)})",
            lambda s: s.closing,
            sums=True,
        )
    )
    return lines


def customer_lines(where: Places) -> list[Line]:
    """The lines of customers."""
    several = "elsewhere" in where.blocks
    signup = where.of("signup")

    before, end = _ends(where)

    def came(i: int, signed: str) -> str:
        return f'COUNTIFS({where.mrr(i)},">0",{before(i)},0,{signup},{signed}{_when(where.elsewhere(i - 1), 0)})'

    def gone(i: int, mark: int) -> str:
        return f'-COUNTIFS({before(i)},">0",{end(i)},0{_when(where.elsewhere(i), mark)})'

    lines = [
        Line(
            "opening_customers",
            "Opening customers",
            "MRR above 0",
            lambda i: f'COUNTIF({before(i)},">0")',
            lambda s: s.opening_customers,
            True,
        ),
        Line("new_logos", "New", "", lambda i: came(i, head(LABELS + i - 1)), lambda s: s.new_logos, True),
        Line("returned_logos", "Returned", "", lambda i: came(i, f'"<"&{head(LABELS + i - 1)}'), lambda s: s.returned_logos, True),
    ]
    if several:
        lines += [
            Line(
                "in_logos",
                "Switched in",
                "from another currency",
                lambda i: f'COUNTIFS({where.mrr(i)},">0",{before(i)},0{_when(where.elsewhere(i - 1), 1)})',
                lambda s: s.switched_in_logos,
                True,
            ),
            Line("out_logos", "Switched out", "to another currency", lambda i: gone(i, 1), lambda s: -s.switched_out_logos, True),
        ]
    return [
        *lines,
        Line("lost_logos", "Lost", "", lambda i: gone(i, 0), lambda s: -s.lost_logos, True),
        Line(
            "closing_customers",
            "Closing customers",
            "",
            lambda i: f'COUNTIF({where.mrr(i)},">0")',
            lambda s: s.closing_customers,
            True,
            True,
        ),
    ]
