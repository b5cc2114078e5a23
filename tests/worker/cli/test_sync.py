"""What `nrr sync` says when it is done, and what `backfill plan` says before it begins."""

from pathlib import Path

from integrations.sandbox.sandbox import Sandbox
from tests.worker.cli.command import Run


def test_a_sync_ends_with_what_came_out(nrr: Run, tmp_path: Path, stripe: Sandbox) -> None:
    """MRR, customers, NRR, that the sums hold, what the data lacks, and the next command; in a pipe no progress, with --json only JSON.
    Afterwards a plan says how many objects and requests reading again takes, and for how long."""
    key = {
        "STRIPE_API_KEY": stripe.key,
        "STRIPE_API_BASE": stripe.url,
        "DATABASE_URL": f"sqlite:///{tmp_path}/n.sqlite3",
        "NRR_REQUESTS_PER_SECOND": "5000",
        "REPORTING_CURRENCY": "usd",
    }
    now = ("--now", "2025-03-01T00:00:00Z")
    assert 0 == nrr("db", "upgrade", **key).code
    fresh = nrr("backfill", "plan", *now, **key)
    assert "never read" in fresh.out
    assert "only reading tells" in fresh.err
    done = nrr("sync", *now, **key)
    assert 0 == done.code, done.err
    for part in (
        "run 1 done:",
        "MRR ",
        " USD, ",
        " customers on 2025-02-27",
        "12 months to ",
        "holds for each customer",
        "About the data:",
    ):
        assert part in done.out, part
    assert "next: nrr" in done.err
    assert "\x1b" not in done.out + done.err
    assert "done" == nrr("sync", "--json", *now, **key).json["status"]
    plan = nrr("backfill", "plan", "--json", *now, **key).json["accounts"][0]
    held = plan["objects_held"]
    assert (
        40 == held["customers"] == nrr("backfill", "plan", "--json", *now, **key).json["accounts"][0]["objects_held"]["customers"]
    )
    # A page holds a hundred objects: each of the lists takes one request at least.
    assert sum(max(1, -(-held.get(each["stream"], 0) // 100)) for each in plan["lists"]) == plan["requests"]
    told = nrr("backfill", "plan", *now, **key)
    assert f"{plan['requests']} requests, less than a minute within Stripe's limits" in told.out
