"""One state is told one way: what is derived and what is still to come, after a run that was killed between reading and deriving."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.worker.installation import Installation, installation

SENTENCE = "have news that no figure knows of yet; run: nrr rollup"


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, str]]:
    """An installation that has read a month more than it derived, and the present."""
    with Sandbox(Business(customers=20, months=6, seed=5)) as stripe:
        end = stripe.now
        stripe.set_now(end - 40 * 86_400)
        made = installation(Path(tmp_path_factory.mktemp("outstanding")), stripe, "db", "upgrade")
        stripe.set_now(end + 86_400)
        now = datetime.fromtimestamp(stripe.now, UTC).isoformat()
        assert 0 == made("backfill", "run", "--now", now).code
        yield made, now


@pytest.mark.long
def test_every_command_tells_the_same_sentence(read_only: tuple[Installation, str]) -> None:
    """Those that show figures, those that check, and in JSON the same number; after the roll-up none of them does."""
    nrr, now = read_only
    count = nrr("show", "mrr", "--json", "--now", now).json["waiting"]
    assert count > 1
    said = f"{count} customers {SENTENCE}"
    calls = (["show", "mrr"], ["show", "movements"], ["show", "nrr"], ["verify"], ["doctor"], ["overview"])
    for call in calls:
        done = nrr(*call, "--now", now)
        assert said in (done.out + done.err).replace("\n", " ").replace("  ", " ") or call == ["overview"], call
    assert count == nrr("overview", "--json", "--now", now).json["waiting"] == nrr("verify", "--json", "--now", now).json["waiting"]
    stored = {row["customer"]: 0 for row in nrr("show", "movements", "--from", "2000", "--json", "--now", now).json["movements"]}
    apart = [customer for customer in stored if not nrr("explain", customer, "--json", "--now", now).json["in_figures"]]
    assert apart
    assert "told here and in no figure yet" in nrr("explain", apart[0], "--now", now).err
    assert 0 == nrr("rollup", "--now", now).code
    for call in calls:
        done = nrr(*call, "--now", now)
        assert SENTENCE not in done.out + done.err, call
    assert nrr("explain", apart[0], "--json", "--now", now).json["in_figures"]


@pytest.mark.long
def test_nobody_waits_for_a_present_that_stripe_does_not_know(tmp_path: Path) -> None:
    """A sandbox's clock stands in the past: moments that have come by ours alone are no news, and nobody is told of for ever."""
    with Sandbox(Business(customers=20, months=6, seed=5)) as stripe:
        nrr = installation(tmp_path, stripe, "db", "upgrade")
        with closing(sqlite3.connect(tmp_path / "nrr.sqlite3")) as connection:
            ahead = connection.execute("SELECT count(*) FROM wake WHERE at <= ?", [datetime.now(UTC).timestamp()]).fetchone()
        assert ahead > (0,), "somebody's moment has come by our clock"
        for call in (["show", "mrr"], ["verify"], ["doctor"]):
            done = nrr(*call)
            assert SENTENCE not in (done.out + done.err).replace("\n", " ").replace("  ", " "), call
        assert 0 == nrr("overview", "--json").json["waiting"] == nrr("verify", "--json").json["waiting"]
