"""A key that is changed under a running process: refused once, read again, and in force without anybody's hand."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from integrations.store.db.engine import begin, open_engine, read
from integrations.store.facts.accounts import AccountRefused
from integrations.store.work import jobs
from integrations.stripe.errors import Refused
from metrics.evidence import Instant
from tests.worker.ingest.test_read import held
from tests.worker.stripe_fake import FakeStripe
from worker.config.load import current, isolated, load_settings
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.ingest.accounts import Source, Sources
from worker.ingest.pace import Pace
from worker.runs import steps
from worker.wiring.channels import open_channels
from worker.wiring.wiring import Wiring, open_wiring


class Rotated(FakeStripe):
    """An account whose old key is refused from the n-th page of subscriptions on."""

    revoked_after: int = 1_000_000

    def revoke(self, stream: str, _since: Instant | None, _cursor: str | None) -> None:
        """Refuse, once the key is revoked."""
        if stream == "subscriptions" and sum(each[0] == "subscriptions" for each in self.asked) > self.revoked_after:
            raise Refused(stream, "Stripe refused the key", status=401)


def wired(engine: Engine, readers: list[FakeStripe]) -> Wiring:
    """A process in which each reading of the key's file gives the next reader, the last one again and again."""
    sources = Sources(engine, [Source("default")], lambda _name, _mode: readers.pop(0) if len(readers) > 1 else readers[0])  # type: ignore[arg-type,return-value]  # hand-written fakes
    terms = Terms(owner="test", threads=4, lease_seconds=20.0, attempts=3, first_delay_seconds=0.05)
    return Wiring(engine, sources, lambda: datetime.now(UTC), Stop(), terms, Pace(), shards=4)


def test_a_key_that_was_changed_in_the_middle_is_read_again(engine: Engine) -> None:
    """The old one is refused half way; the run goes on with the new one, nothing is parked and nothing is missing."""
    old, new = Rotated(), FakeStripe(key_digest="two")
    for each in (old, new):
        each.fill(200)
    old.revoked_after, old.before_page = 6, old.revoke
    report = steps.sync(wired(engine, [old, new]))
    assert ("done", 200) == (report.status, held(engine, "subscription_state"))
    with read(engine) as connection:
        assert {"done"} == set(jobs.summary(connection, report.run_id).by_status)


def test_the_same_key_refused_is_told(engine: Engine) -> None:
    """Where nobody has changed it there is nothing to wait for."""
    old = Rotated()
    old.fill(200)
    old.revoked_after, old.before_page = 6, old.revoke
    report = steps.sync(wired(engine, [old, old]))
    assert "failed" == report.status
    assert isinstance(report.error, Refused)


def test_a_new_key_of_another_account_is_refused(engine: Engine) -> None:
    """Nothing of it is stored."""
    old, new = Rotated(), FakeStripe(key_digest="two", account_id="acct_other")
    for each in (old, new):
        each.fill(50)
    steps.sync(wired(engine, [old]))
    before = held(engine, "subscription_state")
    old.revoked_after, old.before_page = 0, old.revoke
    old.now = new.now = Instant(old.now + 40 * 86_400)
    report = steps.sync(wired(engine, [old, new]))
    assert "failed" == report.status
    assert isinstance(report.error, AccountRefused)
    assert before == held(engine, "subscription_state")


def test_each_secret_is_as_its_file_says_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Stripe, Slack, SMTP and the database; a file that is gone for a moment changes nothing, and a demo looks at none."""
    files = {}
    for name, value in (
        ("STRIPE_API_KEY", "rk_test_1111111111"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/one"),
        ("SMTP_PASSWORD", "first-password"),
        ("DATABASE_URL", "postgresql://nrr:one@db.example/nrr"),
    ):
        files[name] = tmp_path / name
        files[name].write_text(value)
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(files[name]))
    settings = load_settings()
    assert settings is current(settings)
    files["STRIPE_API_KEY"].write_text("rk_test_2222222222")
    files["SLACK_WEBHOOK_URL"].write_text("https://hooks.slack.com/services/T0/B0/two")
    files["SMTP_PASSWORD"].unlink()
    files["DATABASE_URL"].write_text("postgresql://nrr:two@db.example/nrr")
    now = current(settings)
    assert now.stripe_api_key is not None
    assert now.smtp_password is not None
    assert "rk_test_2222222222" == now.stripe_api_key.get_secret_value()
    assert "first-password" == now.smtp_password.get_secret_value()
    assert "two" == make_url(now.database).password
    assert {"slack"} == set(open_channels(now, lambda _seconds: None))
    wiring = open_wiring(settings)
    one = wiring.sources.named("default").key_digest
    files["STRIPE_API_KEY"].write_text("rk_test_3333333333")
    assert wiring.sources._renewed("default", wiring.sources.named("default"))
    assert one != wiring.sources.named("default").key_digest
    wiring.close()
    demo = isolated({"stripe_api_key": "rk_test_demo"}).settings
    assert demo is current(demo)


def test_a_new_connection_has_the_password_in_force(postgres_database: str) -> None:
    """It is asked for at each connection, so that a pool outlives a change of the password."""
    good = make_url(postgres_database)
    told = [good.set(password="wrong-by-now").render_as_string(hide_password=False)]
    engine = open_engine(postgres_database, address=lambda: told[0])
    seen: list[object] = []
    from sqlalchemy import event

    event.listen(engine, "do_connect", lambda _d, _r, _a, parameters: seen.append(parameters.get("password")))
    with begin(engine):
        pass
    engine.dispose()
    told[0] = good.set(password="new-one").render_as_string(hide_password=False)
    with begin(engine):
        pass
    assert ["wrong-by-now", "new-one"] == seen
    engine.dispose()
