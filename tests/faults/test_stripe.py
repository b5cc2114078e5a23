"""Stripe slow, refusing, cut off, contradicting itself: nothing of it is ever taken for the end of a list or for news."""

import time

import pytest

from integrations.sandbox.api.faults import Fault
from tests.faults.conftest import Built
from tests.faults.plant import Plant, until
from tests.faults.test_processes import same

PASSING = {
    "429": Fault("rate_limit", "/v1/", after=3, times=6, retry_after=None),
    "429 with Retry-After": Fault("rate_limit", "/v1/invoices", times=3, retry_after=1.0),
    "500": Fault("error", "/v1/", after=3, times=8, status=500),
    "reset": Fault("reset", "/v1/", after=3, times=6),
    "hang": Fault("hang", "/v1/invoices", times=2, seconds=2.0),
    "drip": Fault("drip", "/v1/events", times=2, seconds=2.0),
    "cut": Fault("cut", "/v1/", after=2, times=5),
    "cut_json": Fault("cut_json", "/v1/", after=2, times=5),
    "html": Fault("html", "/v1/", after=2, times=5),
    "more_lost": Fault("more_lost", "/v1/invoices", times=2),
    "repeat": Fault("repeat", "/v1/", times=None),
    "shuffle": Fault("shuffle", "/v1/events", times=None, seed=3),
}
"""What passes by itself, or makes no difference."""

OF_CUSTOMERS = ("customer_state", "subscription_state", "invoice", "invoice_line", "movement", "standing")
"""Tables whose rows are of one customer each."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name == "cut_json" else pytest.mark.slow) for name in PASSING]
)
def test_what_passes(plant: Built, expected: list[str], name: str) -> None:
    """The fault strikes, and the content is the same to the byte."""
    with plant() as found:
        number = found.stripe.faults.add(PASSING[name])
        found.worker()
        found.beat()
        same(found, expected)
        assert 0 < found.stripe.faults.struck(number)


@pytest.mark.slow
def test_pages_that_are_given_out_of_order_lose_nothing(plant: Built, expected: list[str]) -> None:
    """Items that move over pages make others come twice; a backfill in order then brings what was passed over."""
    with plant() as found:
        number = found.stripe.faults.add(Fault("move", "/v1/invoices", times=4))
        found.worker()
        found.beat()
        found.settle()
        found.stripe.faults.remove(number)
        assert 0 == found.command("backfill", "run", "--streams", "invoices").wait(60)
        same(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unauthorized", "forbidden"])
def test_a_key_that_is_refused_in_the_middle(plant: Built, expected: list[str], kind: str) -> None:
    """Nothing is skipped and no mark moves; once the key is good again the run is taken up where it stopped, without a hand."""
    with plant(NRR_SYNC_MINUTES="1") as found:
        number = found.stripe.faults.add(Fault(kind, "/v1/invoices", after=1, times=None))
        found.worker()
        found.beat()
        until(lambda: found.runs("sync", "failed"), 60, "the run has failed")
        assert [] == found.query("SELECT stream FROM cursor")
        reasons = [row[0] for row in found.query("SELECT last_error FROM job WHERE status = 'quarantined'")]
        assert reasons
        assert all({"unauthorized": "Refused", "forbidden": "NotAllowed"}[kind] in reason for reason in reasons)
        found.stripe.faults.remove(number)
        from tests.faults.test_processes import _age_runs

        _age_runs(found)
        same(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["nul", "surrogate", "huge", "status", "currency", "price"])
def test_a_poisoned_object_harms_nobody_else(plant: Built, expected: list[str], how: str) -> None:
    """Everything of all others is as always. What can't be read is in quarantine by name, what can is cleaned and kept."""
    with plant() as found:
        victim, customer = _victim(expected)
        found.stripe.faults.add(Fault("poison", "/v1/", times=None, object_id=victim, how=how))
        found.worker()
        found.beat()
        found.settle()
        mine = set(found.dump())
        others = [
            line for line in expected if customer not in line and any(f'"table": "{table}"' in line for table in OF_CUSTOMERS)
        ]
        assert len(others) > 500
        assert [] == [line for line in others if line not in mine][:3]
        kept = found.query("SELECT status FROM subscription_state WHERE subscription_id = :id", id=victim)
        quarantined = [row[0] for row in found.query("SELECT object_id FROM quarantine")]
        assert bool(kept) or victim in quarantined


def _victim(expected: list[str]) -> tuple[str, str]:
    """A subscription in the middle of the list, and whose it is."""
    import json

    rows = [json.loads(line) for line in expected if '"table": "subscription_state"' in line]
    found = sorted({(row["subscription_id"], row["customer_id"]) for row in rows})
    return found[len(found) // 2]


@pytest.mark.slow
def test_events_that_never_come_are_made_up_for_by_the_audit(plant: Built) -> None:
    """Half of the events is missing for good; the nightly audit stores what the subscriptions are now."""
    with plant(NRR_SYNC_MINUTES="1") as found:
        found.stripe.set_now("2024-06-20T06:00:00Z")
        found.worker()
        found.beat()
        found.settle()
        found.stripe.faults.add(Fault("missing", "/v1/events", times=None, share=0.5, seed=5))
        found.stripe.set_now("2024-06-25T06:00:00Z")
        from tests.faults.test_processes import _age_runs

        _age_runs(found)
        until(lambda: found.runs("nightly", "done") == 2, 60, "the second night is done")
        found.settle()
        [(drift,)] = found.query("SELECT data FROM cursor WHERE stream = 'audit'")
        assert '"subscriptions": 0' not in drift
        # The list leaves out what belonged to customers who are deleted by now; we keep it.
        listed = _listed(found)
        assert listed == {key: value for key, value in _newest(found).items() if key in listed}


def _newest(found: Plant) -> dict[str, str]:
    rows = found.query("SELECT subscription_id, status FROM subscription_state ORDER BY at, source")
    return {row[0]: row[1] for row in rows}


def _listed(found: Plant) -> dict[str, str]:
    """What the sandbox says that every subscription is now, asked by a reader that meets no fault."""
    import json
    import urllib.request

    found.stripe.faults.clear()
    out: dict[str, str] = {}
    after = ""
    while True:
        url = f"{found.stripe.url}/v1/subscriptions?status=all&limit=100{after}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {found.stripe.key}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            page = json.load(answer)
        out |= {each["id"]: each["status"] for each in page["data"]}
        if not page["has_more"]:
            return out
        after = f"&starting_after={page['data'][-1]['id']}"


@pytest.mark.slow
def test_a_limit_that_is_shared_is_kept_together(plant: Built, expected: list[str]) -> None:
    """Two workers and the limit of one account: few requests are refused, none is counted as done."""
    with plant() as found:
        from integrations.sandbox.api.rate_limits import Limits, Turnstile

        found.stripe._server.turnstile = Turnstile(Limits.stripe(livemode=False))
        for name in ("one", "two"):
            found.worker(name)
        found.beat()
        time.sleep(0.1)
        same(found, expected)
        assert found.stripe.throttled <= 3
