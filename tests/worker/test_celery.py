"""How Celery is set up: messages are nudges, so each may be lost, doubled or late, and none is ever kept for later."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.plant import ROOT
from worker.config import celery_config
from worker.config.celery_config import InsecureRedis, celery_settings

SETTINGS = celery_settings("redis://localhost/0", prefix="nrr", tick_seconds=30)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("task_acks_late", False),
        ("worker_disable_prefetch", True),
        ("worker_prefetch_multiplier", 1),
        ("result_backend", None),
        ("task_ignore_result", True),
        ("task_serializer", "json"),
        ("accept_content", ["json"]),
        ("task_soft_time_limit", 300),
        ("task_time_limit", 360),
        ("broker_connection_retry_on_startup", True),
        ("broker_connection_max_retries", None),
        ("broker_pool_acquire_timeout", 10),
        ("worker_hijack_root_logger", False),
    ],
)
def test_settings(name: str, expected: object) -> None:
    """Each of these has its reason in the module; a change here is a change of what survives."""
    assert expected == SETTINGS[name]


def test_transport_options() -> None:
    """Times after which a mute Redis is given up, and the prefix that keeps installations apart."""
    options = SETTINGS["broker_transport_options"]
    assert (1800, 30, 5, True, 25) == tuple(
        options[name]
        for name in ("visibility_timeout", "socket_timeout", "socket_connect_timeout", "socket_keepalive", "health_check_interval")
    )
    assert "nrr:" == options["global_keyprefix"]


def test_beat_sends_ticks_only_and_each_expires() -> None:
    """A tick that waited longer than until the next one is no use."""
    [(_, entry)] = SETTINGS["beat_schedule"].items()
    assert (celery_config.TICK, 30.0) == (entry["task"], entry["schedule"])
    assert 0 < entry["options"]["expires"] < 30


def test_work_ends_well_before_the_limits() -> None:
    """A task gives the rest back long before Celery would strike."""
    assert 2 * celery_config.WORK_SECONDS <= celery_config.SOFT_LIMIT_SECONDS < celery_config.HARD_LIMIT_SECONDS


@pytest.mark.parametrize("asked", ["none", "optional", "CERT_NONE"])
def test_a_connection_whose_certificate_nobody_checks_is_refused(asked: str) -> None:
    """rediss:// verifies or isn't used."""
    with pytest.raises(InsecureRedis, match="certificate would not be checked"):
        celery_settings(f"rediss://localhost/0?ssl_cert_reqs={asked}", prefix="nrr", tick_seconds=30)


def test_rediss_verifies() -> None:
    """Celery's own default doesn't."""
    import ssl

    assert {"ssl_cert_reqs": ssl.CERT_REQUIRED} == celery_settings("rediss://localhost/0", prefix="nrr", tick_seconds=30)[
        "broker_use_ssl"
    ]


def test_importing_the_application_opens_nothing(tmp_path: Path) -> None:
    """Without any setting the module can be imported: beat, worker and every command look at settings when they need them."""
    code = (
        "import worker.tasks, sys; from worker.app import app; "
        "assert not app.configured; print(sorted(t for t in app._tasks if t.startswith('nrr.')))"
    )
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": "", "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert 0 == done.returncode, done.stderr
    assert "['nrr.seen', 'nrr.tick', 'nrr.work']" == done.stdout.strip() or "[]" == done.stdout.strip()


@pytest.mark.long
def test_without_redis_a_worker_says_what_to_do(tmp_path: Path) -> None:
    """Exit 2 and a sentence, before anything is started."""
    code = "import sys; sys.argv[0] = 'nrr'; from worker.cli.main import run; run()"
    environment = {
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "PATH": "",
        "XDG_RUNTIME_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'nrr.sqlite3'}",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, "worker"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert 2 == done.returncode, done.stderr
    assert "REDIS_URL is not set" in done.stderr
