"""Alarms as Prometheus would see them: installations that live through days, with worker and beat or with cron alone, and what rings when."""

from collections.abc import Callable, Mapping
from typing import Any

import promql_parser
import pytest

from tests.deploy.promql import Sample, Series, evaluate
from tests.deploy.test_deploy import rules

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
START = 1_800_000_000.0

World = Callable[[float], dict[str, Any]]


def scraped(state: Mapping[str, Any], at: float) -> list[Sample]:
    """What the exporter would say: what is None never happened."""
    out: list[Sample] = []
    for name, value in state.items():
        if value is None:
            continue
        if name == "stream_age":
            labels = {"account": "default", "stream": "events"}
            out.append(("nrr_stream_age_seconds", labels, value))
            out.append(("nrr_stream_complete_until_seconds", labels, at - value))
        elif name == "worker_age":
            out.append(("nrr_worker_age_seconds", {"worker": "nrr@one"}, value))
        elif name == "quarantined_jobs":
            out.append(("nrr_jobs", {"status": "quarantined"}, value))
        else:
            out.append((f"nrr_{name}", {}, value))
    return out


def ringing(world: World, until: float, every: float = 5 * MINUTE) -> dict[str, list[float]]:
    """The alarms that rang in a world, each with the seconds since its beginning at which it began to ring."""
    instants = [START + n * every for n in range(int(until / every) + 1)]
    series = Series([(at, scraped(world(at - START), at)) for at in instants])
    out: dict[str, list[float]] = {}
    for rule in rules():
        needed = _seconds(rule.get("for", "0s"))
        since: float | None = None
        rang = False
        for at in instants:
            if evaluate(rule["expr"], series, at):
                since = at if since is None else since
                if at - since >= needed and not rang:
                    out.setdefault(rule["alert"], []).append(at - START)
                    rang = True
            else:
                since, rang = None, False
    return out


def _seconds(text: str) -> float:
    return 0.0 if text == "0s" else float(promql_parser.parse_duration(text).total_seconds())


def healthy(seconds: float) -> dict[str, Any]:
    """Worker and beat as they should be."""
    return {
        "up": 1.0,
        "tick_age_seconds": 20.0,
        "worker_age": 25.0,
        "stream_age": 200.0,
        "sync_age_seconds": 200.0,
        "nightly_age_days": 1.0,
        "oldest_due_seconds": 3.0,
        "quarantined_jobs": 0.0,
        "quarantined_objects": 0.0,
        "underived_customers": 0.0,
    }


def by_cron(seconds: float) -> dict[str, Any]:
    """`nrr nightly` once a day at three, nothing else; no worker was ever heard of."""
    since = (seconds - 3 * HOUR) % DAY
    state = healthy(seconds) | {"tick_age_seconds": None, "worker_age": None, "oldest_due_seconds": None}
    return state | {"stream_age": since, "sync_age_seconds": since}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alarm_is_promql(rule: dict[str, Any]) -> None:
    """A parser of Prometheus's language takes it, types and all, and its time is one."""
    promql_parser.parse(rule["expr"])
    _seconds(rule.get("for", "0s"))


@pytest.mark.parametrize("world", [healthy, pytest.param(by_cron, marks=pytest.mark.long)])
def test_all_is_quiet_where_all_is_well(world: World) -> None:
    """For days, in both ways of running."""
    assert {} == ringing(world, 4 * DAY)


@pytest.mark.long
def test_cron_after_a_worker_that_was_stopped_rings_nothing() -> None:
    """The last tick grows old for ever: nobody expects another, since the worker said goodbye."""

    def world(seconds: float) -> dict[str, Any]:
        return by_cron(seconds) | {"tick_age_seconds": 20.0 + seconds}

    assert {} == ringing(world, 10 * DAY, every=15 * MINUTE)


def test_a_beat_that_died_rings_within_a_quarter_of_an_hour() -> None:
    """The worker is known, the ticks stop; half an hour later the worker is silent, too, and nothing was read."""

    def world(seconds: float) -> dict[str, Any]:
        return healthy(seconds) | {"tick_age_seconds": seconds, "worker_age": seconds, "stream_age": seconds}

    found = ringing(world, 2 * HOUR)
    assert found["NrrTickStale"][0] <= 20 * MINUTE
    assert found["NrrSyncStale"][0] <= HOUR + 10 * MINUTE
    assert {"NrrTickStale", "NrrSyncStale", "NrrWorkerStuck"} == set(found)


def test_a_beat_that_never_came_rings() -> None:
    """A worker is there and no tick has ever finished."""

    def world(seconds: float) -> dict[str, Any]:
        return healthy(seconds) | {"tick_age_seconds": None, "nightly_age_days": None}

    assert {"NrrTickStale", "NrrNeverRan"} == set(ringing(world, 27 * HOUR))


def test_all_that_died_goes_on_ringing_when_the_worker_is_forgotten() -> None:
    """After a day nobody knows of the worker any more; what is stale then is so by the slower measure."""

    def world(seconds: float) -> dict[str, Any]:
        gone = {"worker_age": seconds if seconds < DAY else None}
        return (
            healthy(seconds) | {"tick_age_seconds": seconds, "stream_age": seconds, "nightly_age_days": 1 + seconds // DAY} | gone
        )

    found = ringing(world, 4 * DAY, every=15 * MINUTE)
    assert [True] == [each < 2 * HOUR for each in found["NrrSyncStale"][:1]]
    assert 2 == len(found["NrrSyncStale"]), "silent for two hours between both measures, and no longer"
    assert 27 * HOUR > found["NrrSyncStale"][1]
    assert "NrrNightlyLate" in found


def test_cron_that_stopped_rings_after_a_day() -> None:
    """The timer is gone: the marks grow old."""

    def world(seconds: float) -> dict[str, Any]:
        return by_cron(seconds) | {"stream_age": seconds, "nightly_age_days": 1 + seconds // DAY}

    found = ringing(world, 4 * DAY, every=15 * MINUTE)
    assert 26 * HOUR <= found["NrrSyncStale"][0] <= 27 * HOUR
    assert {"NrrSyncStale", "NrrNightlyLate"} == set(found)


@pytest.mark.parametrize(
    ("changed", "rings"),
    [
        (
            {"up": 0.0, "tick_age_seconds": None, "stream_age": None, "worker_age": None, "nightly_age_days": None},
            "NrrDatabaseDown",
        ),
        ({"quarantined_jobs": 1.0}, "NrrJobsAside"),
        ({"quarantined_objects": 2.0}, "NrrObjectsKeptOut"),
        ({"underived_customers": 1.0}, "NrrCustomersNotDerived"),
        ({"drifted_subscriptions": 1.0}, "NrrDrift"),
        ({"clock_apart_seconds": -400.0}, "NrrClocksApart"),
        ({"tick_age_seconds": -400.0}, "NrrClocksApart"),
        ({"oldest_due_seconds": 2_000.0}, "NrrBacklog"),
        ({"worker_age": 1_000.0}, "NrrWorkerStuck"),
        ({"nightly_age_days": 3.0}, "NrrNightlyLate"),
    ],
)
def test_what_is_wrong_rings_alone(changed: Mapping[str, Any], rings: str) -> None:
    """Each trouble has its alarm, and brings no other."""

    def world(seconds: float) -> dict[str, Any]:
        return healthy(seconds) | dict(changed)

    assert [rings] == list(ringing(world, 2 * HOUR))


def test_an_exporter_that_is_gone_rings() -> None:
    """Nothing is scraped at all."""
    assert ["NrrExporterDown"] == list(ringing(lambda _seconds: {}, HOUR))


def test_a_mark_near_the_end_of_stripes_memory_rings() -> None:
    """Twenty days without reading, whatever else is known."""

    def world(seconds: float) -> dict[str, Any]:
        return by_cron(seconds) | {"stream_age": 21 * DAY}

    assert "NrrEventsAboutToBeLost" in ringing(world, HOUR)
