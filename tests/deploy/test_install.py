"""The install guide followed literally, as far as a machine without a booted systemd allows: every command of its blocks, on a real PostgreSQL with an
administrator who is no superuser, then the units' programs with their credentials, as a user without rights; then the upgrade."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.deploy.machine import DEPLOY, Machine, blocks
from tests.deploy.test_roles import PSQL
from tests.services.postgres import Postgres, free_port
from tests.services.redis import RedisServer

pytestmark = [
    pytest.mark.skipif(PSQL is None, reason="this machine has no psql, which the guide asks for"),
    pytest.mark.timeout(600),
]


def until(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    """Wait for a condition. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


@pytest.fixture
def installed() -> Iterator[tuple[Machine, Postgres, RedisServer]]:
    """A machine with PostgreSQL, Redis and somebody's Stripe account, on which nothing is installed yet."""
    postgres, redis = Postgres(), RedisServer()
    if redis.process is None:
        redis.start()
    postgres.start()
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE admin LOGIN CREATEROLE CREATEDB")
    with Sandbox(Business(customers=8, months=3, seed=3)) as stripe:
        admin = postgres.dsn("postgres").replace("nrr@", "admin@")
        told = {
            "ADMIN_URL": admin,
            "DATABASE_HOST": f"127.0.0.1:{postgres.port}",
            "STRIPE_API_BASE": stripe.url,
            "NRR_RATES_URL": "off",
        }
        machine = Machine({**told, "NRR_TICK_SECONDS": "1", "STRIPE_KEY_OF_THE_TEST": stripe.key})
        try:
            yield machine, postgres, redis
        finally:
            machine.close()
            redis.stop()
            postgres.stop()


@pytest.mark.long
def test_the_guide_can_be_followed(installed: tuple[Machine, Postgres, RedisServer], tmp_path: Path) -> None:
    """To services that live, and once more to the next version."""
    machine, _, redis = installed
    program, secrets, database, settings, services = blocks("install")
    machine.follow(program)
    machine.follow(secrets)
    kept = machine.path("/etc/nrr/secrets")
    assert 0o700 == kept.stat().st_mode & 0o777
    assert {0o600} == {path.stat().st_mode & 0o777 for path in kept.iterdir()}
    (kept / "stripe_api_key").write_text(machine.environment["STRIPE_KEY_OF_THE_TEST"])
    (kept / "redis_url").write_text(f"redis://127.0.0.1:{redis.port}/0")
    machine.follow(database)
    said = machine.follow(settings)
    assert "nothing would be refused" in said
    assert "✓ database" in said
    assert "✓ stripe default" in said, said
    machine.follow(services)
    log = machine.log()
    assert "systemctl enable --now nrr-worker.service nrr-beat.service nrr-exporter.service nrr-check.timer" in log
    assert "pip install --quiet --require-hashes -r" in log
    assert {path.name for path in (DEPLOY / "systemd").iterdir()} == {p.name for p in machine.path("/etc/systemd/system").iterdir()}

    port = free_port()
    unit = machine.path("/etc/systemd/system") / "nrr-exporter.service"
    unit.write_text(unit.read_text().replace("nrr exporter", f"nrr exporter --port {port}"))
    running = {name: machine.start(f"nrr-{name}.service", tmp_path / name) for name in ("worker", "beat", "exporter")}
    try:
        healthy = lambda: "ok\n" in machine.follow("nrrctl health --all || true")  # noqa: E731
        until(healthy, f"no healthy worker: {[(tmp_path / name).read_text()[-2000:] for name in running]}", 180)
        until(lambda: '"kind": "sync"' in (tmp_path / "worker").read_text(), "no sync was logged")
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            assert "nrr_up 1.0" in answer.read().decode()
        check = machine.start("nrr-check.service", tmp_path / "check")
        assert 0 == check.wait(60), (tmp_path / "check").read_text()
        secret = machine.environment["STRIPE_KEY_OF_THE_TEST"]
        assert not any(secret in path.read_text() for path in tmp_path.iterdir() if path.is_file())
        if machine.user:
            owners = {Path(f"/proc/{process.pid}").owner() for process in running.values()}
            assert {machine.user} == owners
    finally:
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        codes = {name: process.wait(90) for name, process in running.items()}
    assert {"worker": 0, "beat": 0, "exporter": 0} == codes

    night = machine.start("nrr-nightly.service", tmp_path / "nightly")
    assert 0 == night.wait(120), (tmp_path / "nightly").read_text()
    stop, start = blocks("upgrade")
    machine.follow(stop)
    assert machine.path("/var/lib/nrr/before-upgrade.backup").stat().st_mode & 0o077 == 0
    assert "already" in machine.follow(start)


def test_a_stopped_worker_stays_stopped() -> None:
    """What looks for a stuck worker asks first whether it is meant to run, and what restarts it starts none."""
    check = (DEPLOY / "systemd" / "nrr-check.service").read_text()
    assert "ExecCondition=/usr/bin/systemctl is-active --quiet nrr-worker.service" in check
    assert "systemctl try-restart nrr-worker.service" in (DEPLOY / "systemd" / "nrr-restart.service").read_text()


@pytest.mark.parametrize("script", ["nrrctl", "secrets.sh", "postgres/init.sh"])
def test_scripts_are_shell(script: str) -> None:
    """Any POSIX shell reads them."""
    assert 0 == subprocess.run(["sh", "-n", str(DEPLOY / script)], timeout=20).returncode
    assert (DEPLOY / script).read_text().startswith("#!/bin/sh\n")
