"""`nrr doctor`: what it warns of, and that a warning keeps nothing else from being looked at."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.worker.cli.command import bare_environment, in_process
from tests.worker.cli.conftest import Concern
from worker.cli.doctor import open_redis_line, rights_of_key
from worker.cli.doctor_checks import NOTE, OK


@pytest.mark.parametrize(
    ("url", "open_to_all"),
    [
        ("redis://cache.example:6379/0", True),
        ("rediss://cache.example/0", True),
        ("redis://:word@cache.example:6379/0", False),
        ("redis://127.0.0.1:6379/0", False),
        ("redis://localhost/0", False),
        ("unix:///run/redis.sock", False),
    ],
)
def test_doctor_warns_of_a_redis_on_another_machine_without_a_password(url: str, open_to_all: bool) -> None:
    """On this very machine nobody else reaches it."""
    said = open_redis_line(url)
    assert open_to_all == (said is not None)
    assert said is None or "cache.example" in said


def test_doctor_warns_of_a_key_that_can_write() -> None:
    """A secret one can; of a restricted one that can't be seen without trying, and that is said."""
    assert NOTE == rights_of_key(secret=True)[0]
    state, said = rights_of_key(secret=False)
    assert OK == state
    assert "can't be seen by reading" in said


def test_what_doctor_warns_of_keeps_nothing_else_from_being_looked_at(engine: Engine, tmp_path: Path) -> None:
    """A key that can write, and a database whose server isn't checked, are notes: what stands behind them is checked all the same."""
    environment = bare_environment() | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    address = engine.url.render_as_string(hide_password=False)
    if engine.dialect.name == "postgresql":
        host = f"{engine.url.host}"
        elsewhere = engine.url.set(host="db.example").update_query_dict({"hostaddr": host})
        address = elsewhere.render_as_string(hide_password=False)
    with Sandbox(Business(customers=3, months=2), key="sk_live_000000000000000000000000") as stripe:
        environment |= {"DATABASE_URL": address, "STRIPE_API_KEY": stripe.key, "STRIPE_API_BASE": stripe.url}
        done = in_process("doctor", "--json", folder=tmp_path, environment=environment)
    checks = {check["name"]: check["state"] for check in done.json["checks"]}
    assert NOTE == checks["stripe default"]
    assert (NOTE if engine.dialect.name == "postgresql" else OK) == checks["database"]
    assert {"stripe default clock", "freshness", "billings"} <= set(checks)
    assert "of test mode" in next(check["detail"] for check in done.json["checks"] if check["name"] == "stripe default streams")


def test_doctor_tells_of_a_dimension_that_nobody_has(concern: Concern) -> None:
    """A misspelt one would be a key of metadata that no customer has, and its figures one segment that looks like a result."""
    named = "plan,country,signup,metadata.industry,industry"
    told = concern("doctor", "--json", NRR_DIMENSIONS=f"{named},plam,metadata.industri")
    details = [check["detail"] for check in told.json["checks"] if check["name"] == "dimensions"]
    assert [
        "no customer has 'plam' in its metadata, so by it all are in (none). Did you mean plan?",
        "no customer has 'metadata.industri' in its metadata, so by it all are in (none). Did you mean metadata.industry?",
    ] == details
    fine = concern("doctor", "--json", NRR_DIMENSIONS=named)
    assert [] == [check for check in fine.json["checks"] if check["name"] == "dimensions"]
