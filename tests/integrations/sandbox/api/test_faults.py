"""Faults come when they are asked for, where they are asked for, and go again."""

import http.client
import json
import time
from collections.abc import Iterator

import pytest

from integrations.sandbox.api.faults import Fault
from integrations.sandbox.api.rate_limits import Limits, Turnstile
from integrations.sandbox.errors import Problem
from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.integrations.sandbox.asking import ask, every, get


@pytest.fixture
def troubled() -> Iterator[Sandbox]:
    """A sandbox to do harm to."""
    with Sandbox(Business(customers=30, months=4, seed=6)) as opened:
        yield opened


def test_a_fault_strikes_where_and_as_often_as_it_says(troubled: Sandbox) -> None:
    """Two invoices pass, the next two fail, then it is spent; other endpoints never feel it."""
    number = troubled.faults.add(Fault("error", "/v1/invoices", after=2, times=2, status=503))
    assert [200, 200, 503, 503, 200] == [ask(troubled, "/v1/invoices").status for _ in range(5)]
    assert (200, 2) == (ask(troubled, "/v1/customers").status, troubled.faults.struck(number))


def test_limits_refused_with_and_without_a_time_to_wait(troubled: Sandbox) -> None:
    """The reason is in Stripe's header, the code in the body."""
    troubled.faults.add(Fault("rate_limit", reason="global-rate"))
    said = ask(troubled, "/v1/customers")
    assert (429, "rate_limit", "global-rate", None) == (
        said.status,
        said.error["code"],
        said.headers["Stripe-Rate-Limited-Reason"],
        said.headers.get("Retry-After"),
    )
    troubled.faults.add(Fault("rate_limit", retry_after=7))
    assert "7" == ask(troubled, "/v1/customers").headers["Retry-After"]


def test_keys_that_fail_in_mid_run(troubled: Sandbox) -> None:
    """Expired, or without a permission, which is named."""
    troubled.faults.add(Fault("unauthorized"))
    assert (401, "api_key_expired") == ((said := ask(troubled, "/v1/customers")).status, said.error["code"])
    troubled.faults.add(Fault("forbidden", "/v1/subscriptions"))
    said = ask(troubled, "/v1/subscriptions")
    assert (403, True) == (said.status, "rak_subscription_read" in said.error["message"])
    assert troubled.business.account in said.error["message"]


def test_connections_that_break(troubled: Sandbox) -> None:
    """Reset, silent until the client gives up, cut in the middle."""
    troubled.faults.add(Fault("reset"))
    with pytest.raises(ConnectionError):
        ask(troubled, "/v1/customers")
    troubled.faults.add(Fault("hang", seconds=30))
    with pytest.raises(TimeoutError):
        ask(troubled, "/v1/customers", timeout=0.3)
    troubled.faults.add(Fault("cut"))
    with pytest.raises(http.client.IncompleteRead):
        ask(troubled, "/v1/customers")


def test_answers_that_drip_or_dawdle(troubled: Sandbox) -> None:
    """All of it comes, in its own time."""
    whole = get(troubled, "/v1/customers")
    for kind in ("drip", "slow"):
        troubled.faults.add(Fault(kind, seconds=0.4))
        began = time.monotonic()
        assert whole == get(troubled, "/v1/customers")
        assert time.monotonic() - began > 0.3


def test_bodies_that_are_none(troubled: Sandbox) -> None:
    """JSON that ends too early, and a proxy's page with a good status."""
    troubled.faults.add(Fault("cut_json"))
    said = ask(troubled, "/v1/customers")
    assert 200 == said.status
    with pytest.raises(json.JSONDecodeError):
        _ = said.json
    troubled.faults.add(Fault("html"))
    said = ask(troubled, "/v1/customers")
    assert (200, True) == (said.status, said.body.startswith(b"<!DOCTYPE html>"))


def test_pages_that_lie(troubled: Sandbox) -> None:
    """Objects twice, in another order, missing for good; no word of whether more follow."""
    whole = get(troubled, "/v1/events", [("limit", 20)])
    ids = [each["id"] for each in whole["data"]]

    def struck(kind: str, **options: float) -> list[str]:
        troubled.faults.clear()
        troubled.faults.add(Fault(kind, times=None, **options))  # type: ignore[arg-type]  # numbers only
        return [each["id"] for each in get(troubled, "/v1/events", [("limit", 20)])["data"]]

    assert [i for each in ids for i in (each, each)] == struck("repeat")
    assert ids[::-1] == struck("move")
    assert (sorted(ids), True) == (sorted(shuffled := struck("shuffle")), shuffled != ids)
    left = struck("missing", share=0.3)
    assert (True, left) == (set(left) < set(ids), struck("missing", share=0.3))
    troubled.faults.clear()
    troubled.faults.add(Fault("more_lost"))
    assert "has_more" not in get(troubled, "/v1/events")


@pytest.mark.parametrize(
    ("how", "shows"),
    [
        ("nul", lambda sub: "\x00" in sub["metadata"]["note"]),
        ("surrogate", lambda sub: "\ud800" in sub["metadata"]["note"]),
        ("huge", lambda sub: len(sub["metadata"]) == 2_000),
        ("status", lambda sub: sub["status"] == "hibernating"),
        ("currency", lambda sub: sub["currency"] == "zzz"),
        ("price", lambda sub: sub["items"]["data"][0]["price"] is None),
    ],
)
def test_one_object_is_poisoned_wherever_it_shows(troubled: Sandbox, how: str, shows: object) -> None:
    """On the list, by itself and in events; the others are as they were."""
    clean = {each["id"]: each for each in every(troubled, "/v1/subscriptions")}
    victim = next(iter(clean))
    troubled.faults.add(Fault("poison", times=None, object_id=victim, how=how))
    seen = {each["id"]: each for each in every(troubled, "/v1/subscriptions")}
    assert shows(seen[victim])  # type: ignore[operator]  # a function of a subscription
    assert shows(get(troubled, f"/v1/subscriptions/{victim}"))  # type: ignore[operator]  # as above
    assert {k: v for k, v in clean.items() if k != victim} == {k: v for k, v in seen.items() if k != victim}


def test_a_fault_that_is_none() -> None:
    """A misspelt one is an error at once, not a test that tests nothing."""
    with pytest.raises(ValueError, match="no fault is called"):
        Fault("earthquake")
    with pytest.raises(ValueError, match="a poison needs"):
        Fault("poison", how="arsenic", object_id="sub_1")


def test_faults_over_http(troubled: Sandbox) -> None:
    """Put in place, counted and removed by another process."""
    made = ask(troubled, "/_sandbox/faults", method="POST", body={"kind": "error", "path": "/v1/prices", "times": None})
    assert 500 == ask(troubled, "/v1/prices").status
    (held,) = get(troubled, "/_sandbox/faults")["data"]
    assert (made.json["id"], "error", 1) == (held["id"], held["kind"], held["struck"])
    ask(troubled, f"/_sandbox/faults/{held['id']}", method="DELETE")
    assert 200 == ask(troubled, "/v1/prices").status
    assert 400 == ask(troubled, "/_sandbox/faults", method="POST", body={"kind": "earthquake"}).status
    ask(troubled, "/_sandbox/faults", method="POST", body={"kind": "reset", "times": None})
    ask(troubled, "/_sandbox/faults", method="DELETE")
    assert 200 == ask(troubled, "/v1/prices").status


# --- limits -----------------------------------------------------------------------------------------------------------------------


def test_a_second_holds_so_many_requests_and_no_more() -> None:
    """25 for one endpoint, 100 for the account; a tenth of a second later a tenth of them."""
    now = [0.0]
    gate = Turnstile(Limits.stripe(), lambda: now[0])

    def let_in(endpoint: str, tries: int) -> tuple[int, str]:
        passed, reason = 0, ""
        for _ in range(tries):
            try:
                gate.enter(endpoint)
                passed += 1
            except Problem as problem:
                reason = problem.headers["Stripe-Rate-Limited-Reason"]
        return passed, reason

    assert (25, "endpoint-rate") == let_in("invoices", 40)
    assert [(25, "endpoint-rate")] * 2 == [let_in(name, 30) for name in ("customers", "events")]
    now[0] = 0.1
    assert (2, "endpoint-rate") == let_in("invoices", 10)
    assert Limits(25.0, 25.0) == Limits.stripe(livemode=False)


def test_the_account_has_a_limit_of_its_own() -> None:
    """Spread over endpoints, a hundred requests are the most."""
    gate = Turnstile(Limits.stripe(), lambda: 0.0)
    for n in range(100):
        gate.enter(f"endpoint {n % 10}")
    with pytest.raises(Problem) as refused:
        gate.enter("another endpoint")
    assert "global-rate" == refused.value.headers["Stripe-Rate-Limited-Reason"]


def test_limits_over_http() -> None:
    """Ids don't make endpoints: a hundred different customers share one limit."""
    with Sandbox(Business(customers=20, months=2), limits=Limits(None, 5.0)) as sandbox:
        said = [ask(sandbox, f"/v1/customers/cus_{n}") for n in range(12)]
        assert {404, 429} == {each.status for each in said}
        assert sandbox.throttled == sum(each.status == 429 for each in said)
