"""Redis away, empty, mute, full: it holds nudges only, so nothing is lost, nothing is doubled, and work goes on when it is back."""

import signal
import time

import pytest
import redis

from tests.faults.conftest import Built
from tests.faults.plant import Plant, until
from tests.faults.test_processes import same
from tests.services.proxy import Proxy


def begun(found: Plant) -> None:
    """Workers are in the middle of their pages."""
    found.worker()
    found.beat()
    until(lambda: found.pages() >= 2, 60, "pages are stored")


@pytest.mark.long
def test_killed_without_its_file(plant: Built, expected: list[str]) -> None:
    """Redis dies with everything that it held and comes back empty: what was under way is nudged again by the next tick."""
    with plant(latency_seconds=0.15) as found:
        begun(found)
        found.redis.kill()
        time.sleep(2.0)
        found.redis.start()
        same(found, expected)


@pytest.mark.slow
def test_emptied(plant: Built, expected: list[str]) -> None:
    """FLUSHALL, three times over."""
    with plant(latency_seconds=0.15) as found:
        begun(found)
        with redis.Redis.from_url(found.redis.url) as client:
            for _ in range(3):
                client.flushall()
                time.sleep(0.5)
        same(found, expected)


@pytest.mark.slow
def test_frozen(plant: Built, expected: list[str]) -> None:
    """Redis keeps its connections and says nothing for ten seconds."""
    with plant(latency_seconds=0.15) as found:
        begun(found)
        found.redis.freeze()
        time.sleep(10.0)
        found.redis.thaw()
        same(found, expected)


@pytest.mark.slow
def test_connections_cut(plant: Built, expected: list[str]) -> None:
    """Every connection is cut, again and again, and for a while none is let in."""
    with plant(latency_seconds=0.15) as found, Proxy(("127.0.0.1", found.redis.port)) as proxy:
        found.environment["REDIS_URL"] = f"redis://127.0.0.1:{proxy.port}/0"
        begun(found)
        for _ in range(5):
            proxy.cut()
            time.sleep(0.4)
        proxy.refuse()
        time.sleep(3.0)
        proxy.admit()
        same(found, expected)


@pytest.mark.slow
def test_full(plant: Built, expected: list[str]) -> None:
    """Redis refuses every write for want of memory: what is under way goes on, and nudges come again when there is room."""
    with plant(latency_seconds=0.15) as found:
        begun(found)
        with redis.Redis.from_url(found.redis.url) as client:
            client.config_set("maxmemory", "1")
            time.sleep(4.0)
            client.config_set("maxmemory", "0")
        same(found, expected)


@pytest.mark.slow
def test_restarted_while_a_worker_is_idle(plant: Built, expected: list[str]) -> None:
    """With early acknowledgement a worker outlives a Redis that refuses connections, whatever it was doing."""
    with plant() as found:
        worker = found.worker()
        beat = found.beat()
        found.settle()
        for _ in range(2):
            found.redis.kill()
            time.sleep(3.0)
            found.redis.start()
            time.sleep(1.0)
        assert worker.popen.poll() is None
        assert beat.popen.poll() is None
        until(
            lambda: found.query("SELECT 1 FROM worker WHERE name = 'tick' AND seen_at > now() - interval '2 seconds'"),
            30,
            "ticks go on",
        )
        same(found, expected)
        worker.signal(signal.SIGTERM)
        assert 0 == worker.wait(30)
