"""Every number on the page is the one that the command line gives: tables are read back and held against `--json`."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.worker.installation import Installation
from tests.worker.report.parsed import Parsed, words

RATES = ("nrr", "grr", "logo_retention")


def _range(installed: Installation) -> tuple[str, str]:
    first = date.fromisoformat(f"{installed.month}-01")
    last = (first + timedelta(days=40)).replace(day=1) - timedelta(days=1)
    return first.isoformat(), last.isoformat()


def _show(installed: Installation, *arguments: str) -> Any:
    done = installed("show", *arguments, "--json", "--now", installed.now.isoformat())
    assert 0 == done.code, done.err
    return json.loads(done.out, parse_float=lambda number: f"{Decimal(number):.6f}")  # rates as pages write them


def test_the_headline_is_the_year_that_ends_with_the_month(installed: Installation, parsed: Parsed) -> None:
    """NRR, GRR and logo retention of the twelve months to the period's end."""
    last = _show(installed, "nrr", "--last", "1")["figures"][-1]
    assert _range(installed)[1] == last["to"]
    assert [last[rate] for rate in RATES] == [parsed.stat(rate) for rate in RATES]


def test_the_trend_is_the_series(installed: Installation, parsed: Parsed) -> None:
    """Each window with its three rates and the ends of their intervals."""
    rows = {row[0].rstrip(" *"): row[1:] for row in parsed.table("trend")}
    figures = _show(installed, "nrr", "--last", "24")["figures"]
    assert len(figures) == len(rows)
    for f in figures:
        ends = [f"{f[f'{rate}_low']} {f[f'{rate}_high']}" if f[f"{rate}_low"] else "–" for rate in RATES]
        assert [*(f[rate] if f[rate] is not None else "–" for rate in RATES), *ends] == rows[f["to"][:7]]


def test_mrr_by_month_is_the_closings(installed: Installation, parsed: Parsed) -> None:
    """MRR, customers and the month's own NRR."""
    figures = _show(installed, "nrr", "--window", "month", "--last", "30")["figures"]
    of_month = {f["from"][:7]: [f["closing"], str(f["closing_customers"]), f["nrr"] or "–"] for f in figures}
    rows = {row[0].rstrip(" *"): row[1:] for row in parsed.table("mrr")}
    assert rows
    assert rows == {month: of_month[month] for month in rows}


def test_the_bridge_is_that_of_retention(installed: Installation, parsed: Parsed) -> None:
    """Opening, new, returned, the flows and the closing, as `show retention` has them; and they add up."""
    first, last = _range(installed)
    total = _show(installed, "retention", "--from", first, "--to", last)["total"]
    rows = {row[0].split(" ")[0]: row[1] for row in parsed.table("bridge")}
    flow = total["flow"]
    assert total["opening"] == rows["Opening"]
    assert total["new"] == rows["New"]
    assert total["closing"] == rows["Closing"]
    assert flow["expansion"] == rows["Expansion"]
    assert f"-{flow['churn']}" == rows["Churn"]
    assert f"-{flow['contraction']}" == rows["Contraction"]
    micros = [round(float(value) * 1_000_000) for name, value in rows.items() if name != "Closing"]
    assert abs(sum(micros) - total["closing_micros"]) <= len(micros), "floats of the test, not of the page"


def test_the_figures_of_the_month_are_those_of_show_mrr(installed: Installation, parsed: Parsed) -> None:
    """MRR, ARR, customers, MRR at risk and committed MRR at the month's closing."""
    found = _show(installed, "mrr", "--at", _range(installed)[1])
    assert found["mrr"] == parsed.stat("mrr")
    assert found["arr"] == parsed.stat("arr")
    assert found["at_risk"] == parsed.stat("at_risk")
    assert found["committed"] == parsed.stat("committed")
    assert str(found["customers"]) == parsed.stat("customers")


def test_cohorts_are_those_of_show_cohorts(installed: Installation, parsed: Parsed) -> None:
    """Each cell of both triangles, to the last digit."""
    triangles = {row["signup"]: row for row in _show(installed, "cohorts")["cohorts"] if row["whole_book"]}
    for measure, key in (("revenue", "revenue_retention"), ("logo", "logo_retention")):
        rows = parsed.table(f"cohorts-{measure}")
        assert len(rows) > 10
        for signup, logos, arrived, *cells in rows:
            known = triangles[signup]
            assert (str(known["logos"]), known["arrived"]) == (logos, arrived)
            shown = [cell for cell in cells if cell]
            assert shown == [month[key] or "–" for month in known["months"]][: len(shown)]
            assert shown


def test_segments_are_those_of_show_segments(installed: Installation, parsed: Parsed) -> None:
    """Customers, opening, NRR with its interval, GRR, logos and closing of each interval of billing."""
    by_name = {row["segment_name"]: row for row in _show(installed, "segments", "--by", "interval")["segments"]}
    rows = parsed.table("by-interval")
    assert rows
    for name, customers, opening, nrr, ends, grr, logos, closing in rows:
        known = by_name[name]
        assert [str(known["opening_customers"]), known["opening"], known["closing"]] == [customers, opening, closing]
        assert [known[rate] or "–" for rate in RATES] == [nrr, grr, logos]
        assert ends == (f"{known['nrr_low']} {known['nrr_high']}" if known["nrr_low"] else "–")


def test_movers_and_concentration_are_those_of_insight(installed: Installation, parsed: Parsed) -> None:
    """Who gained and lost in the month, what caused it, and the largest at the opening of the year. Causes stand beside the whole book's
    bridge on the page, new business among them; `insight` speaks of NRR, and has those of them that can move it."""
    month = _show(installed, "insight", "--window", "month")
    for side in ("lost", "gained"):
        known = [(d["customer"], d["share"]) for d in month["drivers"][side]][:10]
        assert known == [(row[0].split(" ")[0], row[4]) for row in parsed.table(side)]
    causes = {(c["movements"], c["share"]) for c in month["drivers"]["causes"]}
    assert causes
    assert causes <= {(int(row[2]), row[3]) for row in parsed.table("causes")}
    year = _show(installed, "insight")["concentration"]
    assert [year["share_of_top"], year["nrr"], year["nrr_without_largest"]] == [
        parsed.stat(name) for name in ("concentration", "concentration-nrr", "without")
    ]
    assert [d["customer"] for d in year["largest"]] == [row[0].split(" ")[0] for row in parsed.table("largest")]


def test_exclusions_and_findings_are_those_of_the_command_line(installed: Installation, parsed: Parsed) -> None:
    """How much is left out, and how many findings of each reason there are."""
    known = _show(installed, "exclusions", "--at", _range(installed)[1])["exclusions"]
    rows = sorted((row[1].lower(), int(row[2]), row[3]) for row in parsed.table("exclusions"))
    assert sorted((e["currency"], e["count"], e["mrr"]) for e in known) == rows
    counted: dict[str, int] = {}
    for finding in _show(installed, "findings", "--limit", "100000")["findings"]:
        counted[finding["reason"]] = counted.get(finding["reason"], 0) + 1
    assert counted == {row[0].replace(" ", "_"): int(row[1]) for row in parsed.table("findings")}


def test_what_is_coming_is_the_outlook(installed: Installation, parsed: Parsed) -> None:
    """Amounts and customers within 30 and 90 days."""
    signals = [s for s in _show(installed, "insight")["signals"] if s["within_days"]]
    dollars = [row for row in parsed.table("coming") if row[0].endswith(", USD")]
    shown = sorted((round(float(row[n]) * 1_000_000), int(row[n + 1])) for row in dollars for n in (1, 3) if row[n] != "–")
    assert sorted((s["micros"], s["count"]) for s in signals) == shown


def test_lists_that_are_cut_add_up(installed: Installation, parsed: Parsed) -> None:
    """Those that are listed and the rest make the cohort's losses and gains, and the rest is counted."""
    first, last = _range(installed)
    total = _show(installed, "retention", "--from", first, "--to", last)["total"]
    for name, micros in (("lost", -total["contraction_micros"] - total["churn_micros"]), ("gained", total["expansion_micros"])):
        rows = parsed.table(name)
        listed = sum(round(float(row[3]) * 1_000_000) for row in rows)
        more = next((words(p) for p in parsed.by_id("movers").iter("p") if p.get("class") == "more"), "")
        assert (listed == micros) or "more: " in more, name


def test_what_was_invoiced_is_that_of_show_billings(installed: Installation, parsed: Parsed) -> None:
    """Each class of each currency, Stripe's total and the share outside subscriptions."""
    first, last = _range(installed)
    known = _show(installed, "billings", "--from", first, "--to", last)
    rows = {(row[0], row[1].lower()): row[2] for row in parsed.table("billed")}
    assert rows
    assert known["currencies"]
    for each in known["currencies"]:
        mine = {label: value for (label, code), value in rows.items() if code == each["currency"]}
        assert each["total"] == mine.pop("Stripe's totals, less credit notes")
        assert (each["outside_share"] or "–") == mine.pop("share outside subscriptions, before tax")
        assert sorted(found["amount"] for found in each["classes"].values()) == sorted(mine.values())


def test_the_proof_of_billings_is_that_of_verify(installed: Installation, parsed: Parsed) -> None:
    """The share of the month's MRR that invoices leave unexplained; nothing of it where verify names nobody for that month."""
    known = installed("verify", "--billings", "--json", "--now", installed.now.isoformat()).json
    rows = parsed.table("proof")
    assert sorted(known["unexplained_share"]) == sorted(row[1].lower() for row in rows)
    for month, code, share in rows:
        named = [u for u in known["unexplained"] if u["month"].startswith(month) and u["currency"] == code.lower()]
        assert bool(named) == (Decimal(share) > 0)
