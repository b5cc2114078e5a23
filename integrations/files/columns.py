"""Which column of a table is the customer, the month, the amount: by what tools call them, or as somebody said.

Stripe documents which reports its dashboard exports and leaves their columns to the file, so columns are known by name and content, not by
place: Stripe's `Customer ID`, `Customer`, `Customer Email`, `Currency` and a column a month; ChartMogul's `CUSTOMER_EXTERNAL_ID`, `DATE`,
`MRR_MOVEMENT`, `CURRENCY_CODE`; Baremetrics' `customer_oid`; and whatever a spreadsheet calls the same.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from integrations.files.errors import BadFile
from integrations.files.months import When, month_of, months_of

Role = Literal["customer", "email", "name", "month", "mrr", "change", "currency"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
CALLED: Final[Mapping[Role, tuple[str, ...]]] = {
    "customer": (
        "customer id", "customerid", "stripe customer id", "stripe id", "customer external id", "external id", "customer oid",
        "subscriber id", "customer key", "account id", "subscription id", "subscription external id", "customer", "subscriber", "customer uuid",
    ),
    "email": ("customer email", "email", "e mail", "email address", "customer email address", "subscriber email"),
    "name": ("customer name", "name", "company", "company name", "subscriber name", "account name", "client", "customer description", "customer"),
    "month": (
        "month", "period", "month end", "month ending", "reporting month", "as of", "date", "day", "snapshot date", "period end", "timestamp",
        "time", "event date", "event time", "local event timestamp", "event timestamp", "occurred at", "created", "effective date", "month start",
    ),
    "mrr": (
        "mrr", "monthly recurring revenue", "mrr amount", "mrr cents", "mrr in cents", "mrr minor", "current mrr", "closing mrr", "ending mrr",
        "end mrr", "mrr end of month", "total mrr", "net mrr", "customer mrr", "mrr at end of month", "mrr total",
    ),
    "change": ("mrr change", "mrr movement", "change in mrr", "mrr delta", "movement", "change", "delta", "net mrr change", "mrr change cents"),
    "currency": ("currency", "currency code", "iso currency", "mrr currency", "billing currency"),
}  # fmt: skip  # a table: one role a line, names side by side
"""What columns of each role are called, in small letters and without signs; of several that are there the one named first here counts."""
CLOSING: Final = CALLED["mrr"]
"""In a summary, the row (or column) that says what the book stood at."""
_IN_BRACKETS: Final = re.compile(r"\s*[(\[]([^)\]]*)[)\]]\s*$")
_CODE: Final = re.compile(r"[A-Za-z]{3}")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand in a table: the columns by role, or in wide form the month (or day) that each amount's column is of."""

    head: tuple[str, ...]
    head_line: int
    place: Mapping[Role, int]
    months: Mapping[int, When] = field(default_factory=dict)
    currency: str | None = None
    """The code that a column's head names, or that was said for the whole file."""
    minor: bool | None = None
    """Whether a column's head says that amounts are in minor units."""
    when: When | None = None
    """The month or day that was said for the whole file."""

    @property
    def is_summary(self) -> bool:
        """Whether nobody is named: the amounts are of the whole book."""
        return not {"customer", "email", "name"} & set(self.place)


def words(head: str) -> str:
    """A column's head as it is compared: small letters, one blank between words, nothing else."""
    return re.sub(r"[^0-9a-z]+", " ", _IN_BRACKETS.sub("", head).lower()).strip()


def told_columns(text: str) -> dict[Role, str]:
    """`customer=…,month=…,mrr=…` as somebody typed it; a name with a comma stands in double quotes. Raises BadFile."""
    out: dict[Role, str] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        role, sign, name = part.partition("=")
        key = next((r for r in ROLES if r == role.strip().lower()), None)
        if not sign or not name.strip() or key is None or key in out:
            raise BadFile(
                f"--columns takes each of {', '.join(ROLES)} once at the most, such as customer=Customer ID,month=Month,mrr=MRR; not {part!r}"
            )
        out[key] = name.strip()
    return out


def find_layout(rows: Sequence[tuple[int, tuple[str, ...]]], told: Mapping[Role, str], name: str) -> Layout:
    """Where things stand, from the first of the leading rows that can be a head. Raises BadFile with what was found and what would do."""
    for index, (line, head) in enumerate(rows[:20]):
        layout = _layout(line, head, told, rows[index + 1 :], name)
        if layout is not None:
            return layout
    line, head = rows[0]
    found = ", ".join(repr(cell) for cell in head[:20]) + (", …" if len(head) > 20 else "")
    if told:
        raise BadFile(f"{name}, line {line}: there is no column {_missing(head, told)!r}; the columns are {found}")
    said = {words(cell) for cell in head}
    if said & set(CALLED["mrr"]) and said & {*CALLED["customer"], *CALLED["email"], *CALLED["name"]}:
        raise BadFile(
            f"{name}, line {line}: there is no column for the month among {found}. If all amounts are of one day, name it: "
            "--columns month=2026-01-31"
        )
    raise BadFile(
        f"{name}, line {line}: no column for the customer, the month and the MRR is known among {found}. Name them, such as "
        f'--columns customer="{head[0]}",month=…,mrr=…, or give a file that begins like\ncustomer,month,mrr\ncus_N3xT4,2026-01,49.00'
    )


def _layout(
    line: int, head: tuple[str, ...], told: Mapping[Role, str], below: Sequence[tuple[int, tuple[str, ...]]], name: str
) -> Layout | None:
    said = [words(cell) for cell in head]
    place: dict[Role, int] = {}
    currency = None
    when = None
    for role, wanted in told.items():
        found = [i for i, cell in enumerate(head) if cell == wanted] or [i for i, cell in enumerate(said) if cell == words(wanted)]
        if not found and role == "currency" and _CODE.fullmatch(wanted):
            currency = wanted.lower()
            continue
        if not found and role == "month" and (when := month_of(wanted)) is not None:
            continue
        if not found:
            return None
        place[role] = _once(found, wanted, name, line)
    for role in ROLES:
        if role not in place and not (role == "currency" and currency) and not (role == "month" and when):
            for known in CALLED[role]:
                found = [i for i, cell in enumerate(said) if cell == known and i not in place.values()]
                if found:
                    place[role] = _once(found, head[found[0]], name, line)
                    break
    months = {i: when for i, cell in enumerate(head) if i not in place.values() and (when := month_of(cell)) is not None}
    if not months and "mrr" not in place and "change" not in place:
        months = _open_months(head, place)
    if len(months) == len(head):
        return None  # a row of months, or of amounts that look like them, is no head without a column that says whose they are
    if months and "mrr" not in told and "change" not in told and "month" not in told:
        _no_month_twice(head, months, name, line)
        place = {role: at for role, at in place.items() if role not in ("month", "mrr", "change")}
        place = _who(place, below, told)
        return Layout(head, line, place, months, currency, _minor(head, None))
    if not {"mrr", "change"} & set(place) or ("month" not in place and when is None):
        return None
    if "mrr" in place and "change" in place:
        # A log of changes may say what each led to: of one subscription or of the customer, nobody knows. The changes add up.
        place.pop("mrr" if "change" in told or "mrr" not in told else "change")
    amount = head[place.get("mrr", place.get("change", 0))]
    bracket = _IN_BRACKETS.search(amount)
    if bracket and _CODE.fullmatch(bracket[1]) and "currency" not in place:
        currency = currency or bracket[1].lower()
    return Layout(head, line, _who(place, below, told), {}, currency, _minor(head, amount), when)


def _who(place: Mapping[Role, int], below: Sequence[tuple[int, tuple[str, ...]]], told: Mapping[Role, str]) -> dict[Role, int]:
    """The columns with `Customer` taken for what it holds: ids, addresses, or names where there is no other column for them."""
    out = dict(place)
    at = out.get("customer")
    if at is None or "customer" in told:
        return out
    values = [cells[at] for _, cells in below[:200] if at < len(cells) and cells[at]]
    if values and sum("@" in value for value in values) * 2 > len(values):
        out.pop("customer")
        out.setdefault("email", at)
    return out


def _open_months(head: Sequence[str], place: Mapping[Role, int]) -> dict[int, When]:
    """Months of a wide head whose dates only all together say which sign is the day's."""
    texts = {
        i: cell for i, cell in enumerate(head) if i not in place.values() and re.fullmatch(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}", cell)
    }
    named, wrong = months_of(list(texts.values()))
    return {} if wrong is not None else {i: named[cell] for i, cell in texts.items()}


def _once(found: Sequence[int], wanted: str, name: str, line: int) -> int:
    if len(found) > 1:
        raise BadFile(
            f"{name}, line {line}: the column {wanted!r} stands there more than once (columns {', '.join(str(i + 1) for i in found)}); "
            "rename or remove all but one"
        )
    return found[0]


def _no_month_twice(head: Sequence[str], months: Mapping[int, When], name: str, line: int) -> None:
    seen: dict[tuple[object, bool], int] = {}
    for index, when in months.items():
        key = (when.day, when.whole_month)
        if key in seen:
            raise BadFile(
                f"{name}, line {line}: the month {head[index]!r} stands there more than once (columns {seen[key] + 1} and {index + 1}); "
                "rename or remove all but one"
            )
        seen[key] = index


def _minor(head: Sequence[str], amount: str | None) -> bool | None:
    """Whether the heads say that amounts are in minor units; nothing where they say neither."""
    said = " ".join(head if amount is None else [amount]).lower()
    return True if re.search(r"\b(cents?|minor|pence)\b|_cents\b", said.replace("_", " ")) else None


def _missing(head: Sequence[str], told: Mapping[Role, str]) -> str:
    there = {words(cell) for cell in head} | set(head)
    return next(
        (wanted for role, wanted in told.items() if wanted not in there and words(wanted) not in there), next(iter(told.values()))
    )
