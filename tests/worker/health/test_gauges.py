"""What Prometheus is told of retention, and of what runs."""

from dataclasses import replace
from datetime import date
from urllib.request import urlopen

from sqlalchemy import Engine

from metrics.evidence import Instant
from metrics.ledger.basis import Basis
from metrics.retention.figures import Figures
from worker.cli.gauges import BuildCollector, FiguresCollector, metrics_of
from worker.health import exporter
from worker.queries.session import Session

MONTH = Figures(
    policy="default",
    kind="month",
    first=date(2026, 2, 1),
    until=date(2026, 3, 1),
    dimension="",
    segment="",
    currency="all:usd",
    opening=100_000_000,
    expansion=10_000_000,
    churn=5_000_000,
    contraction=0,
    closing=105_000_000,
    closing_of_cohort=105_000_000,
    companions={"lowest": 95_000_000},
    opening_customers=20,
    closing_customers=19,
    retained_customers=19,
)


def samples(*found: Figures) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for metric in metrics_of(found, "default")
        for sample in metric.samples
    }


def test_rates_are_those_of_the_last_complete_windows() -> None:
    """The running month moves MRR and no rate; of complete ones the last counts; what is null is left out."""
    earlier = replace(MONTH, first=date(2026, 1, 1), until=date(2026, 2, 1), churn=50_000_000, closing=60_000_000)
    begun = replace(MONTH, first=date(2026, 3, 1), until=date(2026, 4, 1), incomplete=True, churn=0, closing=107_000_000)
    running = replace(begun, kind="month_to_date", until=date(2026, 3, 10))
    year = replace(
        MONTH,
        kind="trailing_12",
        first=date(2025, 3, 1),
        opening=0,
        opening_customers=0,
        reason="opening_zero",
        expansion=0,
        churn=0,
    )
    found = samples(earlier, MONTH, running, year)
    labels = ("usd", "default", "true")
    assert 107.0 == found["nrr_mrr", *labels]
    assert 1.05 == found["nrr_net_revenue_retention_ratio", *labels, "month"]
    assert 0.95 == found["nrr_gross_revenue_retention_ratio", *labels, "month"]
    assert 0.95 == found["nrr_logo_retention_ratio", *labels, "month"]
    assert 1_772_323_200 == found["nrr_window_end_seconds", *labels, "month"]
    assert ("nrr_net_revenue_retention_ratio", *labels, "trailing_12") not in found


def test_each_currency_stands_for_itself() -> None:
    """The whole book, and beside it what is billed in each currency."""
    found = samples(MONTH, replace(MONTH, currency="eur", closing=40_000_000), replace(MONTH, currency="usd", closing=60_000_000))
    assert {
        ("nrr_mrr", "usd", "default", "true"): 105.0,
        ("nrr_mrr", "eur", "default", "false"): 40.0,
        ("nrr_mrr", "usd", "default", "false"): 60.0,
    } == {key: value for key, value in found.items() if key[0] == "nrr_mrr"}


def test_a_scrape_tells_what_is_stored(engine: Engine) -> None:
    """Over HTTP: freshness, what runs, and no figures before anything is derived; the runbook has a place for each alarm."""
    session = Session(engine, Basis(), Instant(1_772_323_200))
    server = exporter.serve(engine, host="127.0.0.1", port=0, more=(FiguresCollector(session), BuildCollector("0013")))
    try:
        with urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=10) as answer:
            said = answer.read().decode()
        with urlopen(f"http://127.0.0.1:{server.server_port}/runbook", timeout=10) as answer:
            page = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
    assert "nrr_up 1.0" in said
    assert 'nrr_build_info{python="3.' in said
    assert 'schema="0013"' in said
    assert "nrr_mrr{" not in said
    assert '<b id="nrrtickstale">## NrrTickStale</b>' in page
