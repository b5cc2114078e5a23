"""Somebody else's file: every shape in which tools export MRR is read, and what can't be read is said with its line and what would do."""

import codecs
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from integrations.files.errors import BadFile
from integrations.files.mrr_file import TheirMrr, read_mrr

JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 28)


def _read(tmp_path: Path, text: str | bytes, columns: str | None = None) -> TheirMrr:
    file = tmp_path / "theirs.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_mrr(file, columns)


def _amounts(found: TheirMrr) -> dict[tuple[str, date, str], Decimal]:
    rows = found.amounts.select("key", "day", "currency", "amount").iter_rows()
    return {(key, day, currency): amount.normalize() for key, day, currency, amount in rows}


AB = {
    ("cus_a", JANUARY, "usd"): Decimal("1234.5"),
    ("cus_a", FEBRUARY, "usd"): Decimal(1300),
    ("cus_b", JANUARY, "usd"): Decimal(0),
    ("cus_b", FEBRUARY, "usd"): Decimal("12.25"),
}
LONG = "customer,month,mrr,currency\n"


@pytest.mark.parametrize(
    "text",
    [
        (
            "Customer ID,Customer,Customer Email,Currency,2026-01,2026-02\n"
            'cus_a,Acme,a@acme.test,usd,"1,234.50",1300.00\ncus_b,Bee,b@bee.test,usd,,12.25\n'
        ),
        LONG + "cus_a,2026-01,1234.50,USD\ncus_a,2026-02,1300,usd\ncus_b,2026-01,0,usd\ncus_b,2026-02,12.25,usd\n",
        "customer;month;mrr;currency\ncus_a;01/2026;1.234,50;usd\ncus_a;02/2026;1.300,00;usd\ncus_b;01/2026;;usd\ncus_b;02/2026;12,25;usd\n",
        (
            "customer\tmonth\tmrr\tcurrency\ncus_a\tJan 2026\t$1,234.50\tusd\ncus_a\tFeb 2026\t$1,300.00\tusd\n"
            "cus_b\tJan-26\t-\tusd\ncus_b\tFeb-26\t$12.25\tusd\n"
        ),
        (
            "sep=;\ncustomer;month;mrr;currency\ncus_a;31.01.2026;1 234,50 €;usd\ncus_a;28.02.2026;1 300,00 €;usd\n"
            "cus_b;31.01.2026;0;usd\ncus_b;28.02.2026;12,25 €;usd\n"
        ),
        "Report of 2026-03-01\n\n" + LONG + "cus_a,2026-01-01,1'234.50,usd\ncus_a,2026-02-01,1'300.00,usd\n"
        "cus_b,2026-01-01,0.00,usd\ncus_b,2026-02-01,12.25,usd\n",
        LONG.replace("mrr", "MRR (USD)").replace(",currency", "")
        + "cus_a,1/31/2026,1234.50\ncus_a,2/28/2026,1300\ncus_b,1/31/2026,0\ncus_b,2/28/2026,12.25\nTotal,,1546.75\n",
        LONG + "cus_a,46053,1234.50,usd\ncus_a,46081,1300,usd\ncus_b,46053,0,usd\ncus_b,46081,12.25,usd\n",
        LONG + "cus_a,20260131,1.2345e3,usd\ncus_a,202602,1300,usd\ncus_b,2026M01,n/a,usd\ncus_b,February 2026,12.25,usd\n",
    ],
    ids=["stripe", "long", "german", "tab", "excel", "preamble", "us-dates", "serials", "odd-months"],
)
def test_whatever_the_shape_the_amounts_are_the_same(text: str, tmp_path: Path) -> None:
    """Long or wide; comma, semicolon or tab; decimal comma or point; thousands, signs of money, totals, dates of every kind."""
    assert AB == _amounts(_read(tmp_path, text))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_whatever_the_encoding(encoding: str, tmp_path: Path) -> None:
    """With a mark at the beginning or without, names with umlauts come through."""
    text = "customer;month;mrr\nKäse & Söhne;2026-01;49,00\n"
    found = _read(tmp_path, text.encode(encoding))
    assert {("Käse & Söhne", JANUARY, ""): Decimal(49)} == _amounts(found)


def test_a_mark_at_the_beginning_is_no_part_of_the_head(tmp_path: Path) -> None:
    """Excel's UTF-8 begins with one."""
    found = _read(tmp_path, codecs.BOM_UTF8 + b'"customer","month","mrr"\n"cus_a","2026-01","49.00"\n')
    assert ("long", 2) == (found.shape, found.places)


def test_columns_can_be_named(tmp_path: Path) -> None:
    """Any head will do, also one with a comma; the currency may be said for the whole file."""
    text = '"Account, name",Stichtag,Betrag,Kommentar\nAcme,2026-01,49.00,x\n'
    found = _read(tmp_path, text, '"customer=Account, name",month=Stichtag,mrr=Betrag,currency=EUR')
    assert {("Acme", JANUARY, "eur"): Decimal(49)} == _amounts(found)


def test_amounts_may_name_their_currency(tmp_path: Path) -> None:
    """By code or by a sign that is one currency's alone; a dollar's sign names none."""
    found = _read(
        tmp_path, "customer;month;mrr\ncus_a;2026-01;€ 49,00\ncus_b;2026-01;12,00 GBP\ncus_c;2026-01;$5,00\ncus_d;2026-01;n/a\n"
    )
    assert {("cus_a", "eur"), ("cus_b", "gbp"), ("cus_c", ""), ("cus_d", "")} == {(key, code) for key, _, code in _amounts(found)}


def test_a_list_of_customers_with_what_they_pay_today(tmp_path: Path) -> None:
    """It names no month: the day is said beside it, and asked for where it isn't."""
    text = "Customer OID,Name,Email,MRR\ncus_a,Acme,a@acme.test,49.00\n"
    assert {("cus_a", date(2026, 1, 15), ""): Decimal(49)} == _amounts(_read(tmp_path, text, "month=2026-01-15"))
    assert {("cus_a", JANUARY, ""): Decimal(49)} == _amounts(_read(tmp_path, text, "month=2026-01"))
    with pytest.raises(BadFile, match="there is no column for the month among 'Customer OID', 'Name', 'Email', 'MRR'"):
        _read(tmp_path, text)


def test_a_log_of_changes(tmp_path: Path) -> None:
    """ChartMogul's documented columns: the movement counts, on its day; what it led to isn't needed."""
    text = (
        "DATE,CUSTOMER_NAME,MRR_MOVEMENT,MRR,DESCRIPTION,MOVEMENT_TYPE,CURRENCY_CODE,CUSTOMER_EXTERNAL_ID,CUSTOMER_UUID\n"
        "2026-01-10T14:00:00.000Z,Acme,2500,2500,bought,new_biz,USD,cus_a,cus_728b\n"
        "2026-02-11T09:30:00.000Z,Acme,-500,2000,less,contraction,USD,cus_a,cus_728b\n"
    )
    found = _read(tmp_path, text)
    assert "changes" == found.shape
    assert {("cus_a", date(2026, 1, 10), "usd"): Decimal(2500), ("cus_a", date(2026, 2, 11), "usd"): Decimal(-500)} == _amounts(
        found
    )


def test_a_summary(tmp_path: Path) -> None:
    """A row for each figure: the one that says what the book stood at is read."""
    text = "Metric,2026-01,2026-02\nStarting MRR,900.00,1000.00\nNew MRR,100.00,50.00\nEnding MRR,1000.00,1050.00\nActive subscribers,12,13\n"
    found = _read(tmp_path, text)
    assert ("summary", {JANUARY: 1000, FEBRUARY: 1050}) == (
        found.shape,
        {day: int(amount) for _, day, _, amount in found.amounts.select("key", "day", "currency", "amount").iter_rows()},
    )
    turned = _read(tmp_path, "Month,New MRR,Ending MRR\n2026-01,100.00,1000.00\n2026-02,50.00,1050.00\n")
    assert found.amounts["amount"].to_list() == turned.amounts["amount"].to_list()


def test_several_rows_of_one_customer_and_month_are_added_and_said(tmp_path: Path) -> None:
    """A row for each subscription, say."""
    found = _read(tmp_path, LONG + "cus_a,2026-01,40.00,usd\ncus_a,2026-01,9.00,usd\n")
    assert {("cus_a", JANUARY, "usd"): Decimal(49)} == _amounts(found)
    assert any("sum of several rows" in line for line in found.reading)


def test_days_are_days_where_they_are_no_months(tmp_path: Path) -> None:
    """The first of every month names the month, which is said; other days mean their own closing."""
    months = _read(tmp_path, LONG + "cus_a,2026-01-01,40,usd\ncus_a,2026-02-01,40,usd\n")
    days = _read(tmp_path, LONG + "cus_a,2026-01-01,40,usd\ncus_a,2026-01-15,40,usd\n")
    assert ([JANUARY, FEBRUARY], [date(2026, 1, 1), date(2026, 1, 15)]) == (
        months.amounts["day"].to_list(),
        days.amounts["day"].to_list(),
    )
    named = _read(tmp_path, LONG + "cus_a,2026-01,40,usd\n")
    assert [True, False, False] == [any("first day of a month" in line for line in each.reading) for each in (months, days, named)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"customer,month,mrr\n", "no row below its head"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"customer,month,mrr\ncus_a,2026-01,4\x009\n", "line 2: there is a NUL byte"),
        (b"a,b,c\n1,2,3\n", "line 1: no column for the customer, the month and the MRR is known among 'a', 'b', 'c'"),
        (b"customer,month,mrr,mrr\ncus_a,2026-01,1,2\n", "line 1: the column 'mrr' stands there more than once (columns 3, 4)"),
        (b"customer,2026-01,Jan 2026\ncus_a,1,2\n", "line 1: the month 'Jan 2026' stands there more than once (columns 2 and 3)"),
        (b"customer,month,mrr\ncus_a,2026-01,NaN\n", "line 2: 'mrr' must be an amount such as 49.00, not 'NaN'"),
        (b"customer,month,mrr\ncus_a,2026-01,inf\n", "line 2: 'mrr' must be an amount"),
        (b"customer,month,mrr\ncus_a,2026-01,1.2.3\n", "line 2: 'mrr' must be an amount"),
        (b"customer,month,mrr\ncus_a,2026-01,49\ncus_a,2026-13,49\n", "line 3: '2026-13' is no month"),
        (b"customer,month,mrr\ncus_a,03/04/2026,49\n", "line 2: '03/04/2026' is no month (or could be two)"),
        (b"customer,month,mrr\ncus_a,,49\n", "line 2: there is no month in 'month'"),
        (b"customer,month,mrr,currency\ncus_a,2026-01,49,dollars\n", "line 2: the currency must be a code of three letters"),
        (b"customer,month,mrr\ncus_a,2026-01,1,234.50\n", "line 2: there are 4 cells below a head of 3"),
        (b'customer,month,mrr\n"cus_a,2026-01,49\n', "line 2: a quote that begins there is never closed"),
        (b'customer,month,mrr\ncus_a,2026-01,49\n"cus_b"x,2026-01,49\n', "line 3: "),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(text: bytes, wanted: str, tmp_path: Path) -> None:
    """Never a traceback, and never a guess."""
    with pytest.raises(BadFile) as error:
        _read(tmp_path, text)
    assert wanted in str(error.value)


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    """It is named, with those that are."""
    with pytest.raises(BadFile, match="line 1: there is no column 'Amount'; the columns are 'customer', 'month', 'mrr'"):
        _read(tmp_path, "customer,month,mrr\ncus_a,2026-01,49\n", "mrr=Amount")
    with pytest.raises(BadFile, match="--columns takes each of customer, email"):
        _read(tmp_path, "customer,month,mrr\ncus_a,2026-01,49\n", "amount=mrr")
