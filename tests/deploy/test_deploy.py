"""What is deployed with, as far as it can be checked without Docker, systemd and Prometheus: it parses, it is hardened, and whatever it
names (commands, settings, metrics, sections of the runbook) is there. The processes themselves are run for real in tests/faults."""

import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from sqlalchemy import Engine

from tests.faults.plant import ROOT
from tests.services.postgres import free_port
from tests.services.redis import binary
from worker.cli.commands import COMMANDS
from worker.config.load import environment_name
from worker.config.settings import SECRETS, Settings
from worker.health import runbook
from worker.health.exporter import metrics_of
from worker.health.freshness import Freshness, StreamAge, WorkerAge

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]

HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "SystemCallFilter": "@system-service",
}


def settings() -> set[str]:
    """The names under which anything can be set in the environment."""
    names = {environment_name(field) for field in Settings.model_fields}
    return names | {f"{environment_name(field)}_FILE" for field in SECRETS} | {"NRR_CONFIG"}


def unit(path: Path) -> dict[str, list[tuple[str, str]]]:
    """A unit's sections; a key may come several times."""
    sections: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
            continue
        name, equals, value = line.partition("=")
        assert equals, f"{path.name}:{number} is neither a section nor an assignment"
        current.append((name, value))
    return sections


def compose() -> dict[str, Any]:
    """The compose file."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def rules() -> list[dict[str, Any]]:
    """Every alarm."""
    found = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
    return [rule for group in found["groups"] for rule in group["rules"]]


# --- systemd ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_parse(path: Path) -> None:
    """Sections and assignments, the sections that its sort has, and a description."""
    found = unit(path)
    assert (
        {"Unit", {".service": "Service", ".timer": "Timer"}[path.suffix]} <= set(found) <= {"Unit", "Service", "Timer", "Install"}
    )
    assert dict(found["Unit"])["Description"].startswith("nrr ")
    RawConfigParser(strict=False, allow_no_value=False).read_string(path.read_text())


@pytest.mark.parametrize("path", [each for each in SERVICES if each.name != "nrr-restart.service"], ids=lambda path: path.name)
def test_services_are_hardened_and_run_a_command_that_exists(path: Path) -> None:
    """As a user of their own, without capabilities, on a read-only system; the restart alone is systemd's own business."""
    service = unit(path)["Service"]
    found = dict(service)
    assert HARDENED == {name: found.get(name) for name in HARDENED}
    assert ("nrr", "nrr") == (found["User"], found["Group"])
    program, command, *_ = found["ExecStart"].split()
    assert program.endswith("/bin/nrr")
    assert command in COMMANDS
    named = {value.partition("=")[0] for name, value in service if name == "Environment"} - {"HOME"}
    assert named <= settings()
    loaded = {value.partition(":")[0] for name, value in service if name == "LoadCredential"}
    used = set(re.findall(r"%d/(\w+)", path.read_text()))
    assert used - {""} <= loaded
    assert "Requisite" not in path.read_text(), "a worker that was stopped would be started by what looks after it"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """Its own checker has nothing to say of any of them; only the program is another one, which is there."""
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/nrr/.venv/bin/nrr", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", *sorted(map(str, tmp_path.glob("nrr-*")))], capture_output=True, text=True, timeout=60
    )
    said = [line for line in done.stderr.splitlines() if "nrr-" in line]
    assert (0, []) == (done.returncode, said)


def test_every_secret_reaches_the_worker() -> None:
    """By units, by compose, by `nrrctl`, and made by both guides: a secret that the product learns of is one that can be deployed."""
    wanted = set(SECRETS) - {"serve_token"}
    variables = {f"{environment_name(name)}_FILE" for name in wanted}
    for name, without in (("nrr-worker.service", set()), ("nrr-nightly.service", {"REDIS_URL_FILE"})):
        given = {value.partition("=")[0] for key, value in unit(DEPLOY / "systemd" / name)["Service"] if key == "Environment"}
        assert set() == variables - without - given, name
    worker = compose()["services"]["worker"]
    assert set() == variables - set(worker["environment"])
    assert set() == wanted - set(worker["secrets"])
    for script in ("nrrctl", "secrets.sh", "install.md"):
        text = (DEPLOY / script).read_text()
        assert [] == [name for name in sorted(wanted) if name not in text], script


def test_keys_are_where_they_are_needed_alone() -> None:
    """Beat and exporter know no key of Stripe's nor a channel's, in units and in compose; the owner's address is the migration's alone."""
    for name in ("beat", "exporter", "check"):
        text = (DEPLOY / "systemd" / f"nrr-{name}.service").read_text()
        assert not re.search("stripe|slack|smtp|owner", text), name
    services = compose()["services"]
    for name in ("beat", "exporter", "migrate", "grants"):
        assert not [each for each in services[name]["secrets"] if re.search("stripe|slack|smtp|serve", each)]
    owners = {name for name, service in services.items() if "owner_database_url" in service.get("secrets", [])}
    assert {"migrate", "grants"} == owners


def test_what_units_name_is_there() -> None:
    """A timer has its service, and who is named by another unit exists."""
    names = {path.name for path in UNITS}
    for path in UNITS:
        if path.suffix == ".timer":
            assert path.with_suffix(".service").name in names
        assert set(re.findall(r"nrr-\w+\.(?:service|timer)", path.read_text())) <= names


def test_a_worker_is_given_the_time_to_finish_its_page() -> None:
    """SIGTERM reaches the parent only, which tells its children; killed sooner it would lose pages that are read again."""
    service = dict(unit(DEPLOY / "systemd" / "nrr-worker.service")["Service"])
    assert "mixed" == service["KillMode"]
    assert int(service["TimeoutStopSec"]) >= 60


# --- compose and the image ------------------------------------------------------------------------------------------------------------


def test_compose_has_everything_and_nothing_in_the_open() -> None:
    """Worker, beat, exporter, migration, Redis and PostgreSQL; read-only roots, no capabilities, no secret in the environment."""
    services = compose()["services"]
    assert {"postgres", "redis", "migrate", "grants", "worker", "beat", "exporter"} == set(services)
    for service in services.values():
        assert {"mem_limit", "pids_limit"} <= set(service)
        assert "no-new-privileges:true" in service["security_opt"]
    for name in ("migrate", "worker", "beat", "exporter"):
        service = services[name]
        assert (True, ["ALL"]) == (service["read_only"], service["cap_drop"])
        assert service["command"][0] in COMMANDS
        assert set(service["environment"]) <= settings()
        assert not [key for key in service["environment"] if key.lower().removeprefix("nrr_") in SECRETS]
        for key, value in service["environment"].items():
            if key.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], f"{name} is not given what {key} names"
    assert ["nrr", "health"] == services["worker"]["healthcheck"]["test"][1:]
    assert ["nrr", "health", "--beat"] == services["beat"]["healthcheck"]["test"][1:]
    assert {name for name in services if name not in ("migrate", "grants")} == {
        n for n, s in services.items() if "healthcheck" in s
    }
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_image_of_others_is_named_by_its_digest() -> None:
    """In compose.yaml, in the Dockerfile and in the chart: no tag that can move decides what is run. One digest for one tag everywhere."""
    services = compose()["services"]
    ours = {name for name, service in services.items() if "build" in service}
    assert {"migrate", "worker", "beat", "exporter"} == ours
    named = [re.fullmatch(r"\$\{\w+:-(.+)\}", services[name]["image"]) for name in sorted(set(services) - ours)]
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    asked = dict(line.removeprefix("ARG ").split("=", 1) for line in lines if line.startswith("ARG "))
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert {"${PYTHON}"} == set(bases)
    assert not [line for line in lines if line.startswith("# syntax=")], "it names one more image"
    assert {"build"} == {found for line in lines for found in re.findall(r"--from=(\S+)", line)}
    chart = yaml.safe_load((DEPLOY / "helm" / "values.yaml").read_text())["migrate"]["psqlImage"]
    images = [*(match and match[1] for match in named), asked["PYTHON"], chart]
    assert [] == [image for image in images if not image or not re.fullmatch(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}", image)]
    assert len({image.partition("@")[0] for image in images}) == len(set(images)) == 3


@pytest.mark.long
def test_redis_keeps_what_it_has_refuses_rather_than_evicts_and_wants_a_password(tmp_path: Path) -> None:
    """The command of compose.yaml, run for real: append-only, no eviction, nothing for strangers, and no password among the processes."""
    (tmp_path / "redis_password").write_text("s3cr3t-word")
    (tmp_path / "data").mkdir()
    port = free_port()
    (script,) = compose()["services"]["redis"]["command"]
    script = script.replace("$$", "$").replace("/run/secrets", str(tmp_path)).replace("/tmp/redis.conf", f"{tmp_path}/redis.conf")
    script = script.replace("dir /data", f"dir {tmp_path}/data\\nport {port}\\nbind 127.0.0.1").replace("redis-server", binary())
    process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port, password="s3cr3t-word", socket_timeout=5, retry=Retry(ConstantBackoff(0.1), 100)) as client:
            client.ping()
            said = {**client.config_get("appendonly"), **client.config_get("maxmemory-policy")}
        assert {"appendonly": "yes", "maxmemory-policy": "noeviction"} == said
        with pytest.raises(redis.AuthenticationError), redis.Redis(port=port, socket_timeout=5) as stranger:
            stranger.ping()
        assert "s3cr3t" not in Path(f"/proc/{process.pid}/cmdline").read_text()
        assert 0o600 == (tmp_path / "redis.conf").stat().st_mode & 0o777
    finally:
        process.terminate()
        process.wait(20)


def test_the_secrets_script_makes_what_compose_mounts(tmp_path: Path) -> None:
    """All of them, in a folder that nobody else enters, readable by whatever number a container's user has; run again it changes nothing."""
    folder = tmp_path / "secrets"
    run = ["sh", str(DEPLOY / "secrets.sh"), str(folder)]
    subprocess.run(run, check=True, capture_output=True)
    wanted = {Path(each["file"]).name for each in compose()["secrets"].values()}
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert wanted == set(made)
    assert 0o700 == folder.stat().st_mode & 0o777
    assert {0o644} == {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    passwords = [made[name] for name in made if name.endswith("_password") and name != "smtp_password"]
    assert len(passwords) == len(set(passwords)) == 5
    assert all(len(each) == 48 for each in passwords)
    assert made["postgres_app_password"] in made["database_url"]
    (folder / "stripe_api_key").write_text("rk_test_mine")
    subprocess.run(run, check=True, capture_output=True)
    assert made | {"stripe_api_key": "rk_test_mine"} == {path.name: path.read_text() for path in folder.iterdir()}


def test_what_the_guide_says_before_docker_is_done_by_a_user_who_is_not_root() -> None:
    """Its first lines as they stand, in a copy of the repository that is that user's: the key is where compose mounts it from."""
    guide = (DEPLOY / "install.md").read_text().partition("## With compose")[2]
    lines = (line.strip() for line in guide.splitlines() if line.startswith("    "))
    before = list(itertools.takewhile(lambda line: not line.startswith("docker"), lines))
    assert 2 == len(before)
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="nrr-guide-", dir="/tmp") as folder:
        shutil.copytree(DEPLOY, Path(folder) / "deploy", ignore=shutil.ignore_patterns("secrets", "nrr.toml", ".env"))
        if user is not None:
            for each in [Path(folder), *Path(folder).rglob("*")]:
                shutil.chown(each, user)
        done = subprocess.run(["sh", "-euc", "\n".join(before)], cwd=folder, user=user, capture_output=True, text=True, check=False)
        assert (0, "") == (done.returncode, done.stderr)
        assert "rk_live_…" == (Path(folder) / "deploy/secrets/stripe_api_key").read_text()


def test_volumes_and_secrets_that_are_used_are_declared() -> None:
    """And the other way round."""
    found = compose()
    used = {secret for service in found["services"].values() for secret in service.get("secrets", [])}
    assert used == set(found["secrets"])
    volumes = {volume.partition(":")[0] for service in found["services"].values() for volume in service.get("volumes", [])}
    assert {each for each in volumes if not each.startswith(".")} == set(found["volumes"])
    assert [] == [each for each in volumes if each.startswith(".") and not (DEPLOY / each).exists()]


def test_the_image_runs_as_nobody_and_copies_what_is_there() -> None:
    """Not root; every path that it copies exists; what ends it is SIGTERM."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]
    user = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert user
    assert user[-1].split(":")[0] not in ("root", "0")
    assert "STOPSIGNAL SIGTERM" in lines
    copied = [word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]]
    assert copied
    assert [] == [word for word in copied if not (ROOT / word).exists()]
    extras = set(re.findall(r"--extra (\w+)", "\n".join(lines)))
    import tomllib

    assert extras <= set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])


# --- settings -------------------------------------------------------------------------------------------------------------------------


def test_the_example_names_settings_that_exist() -> None:
    """Every line of env.example, commented out or not."""
    lines = (DEPLOY / "env.example").read_text().splitlines()
    names = [match.group(1) for line in lines if (match := re.match(r"#?([A-Z][A-Z0-9_]+)=", line))]
    assert len(names) > 10
    assert [] == sorted(set(names) - settings())
    assert len(names) == len(set(names))


def test_the_example_does_not_overrule_the_units() -> None:
    """systemd lets EnvironmentFile go before Environment: what the units set must be commented out there."""
    lines = (DEPLOY / "env.example").read_text().splitlines()
    in_force = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    by_units = {value.partition("=")[0] for path in SERVICES for name, value in unit(path)["Service"] if name == "Environment"}
    assert set() == in_force & by_units


# --- alarms ---------------------------------------------------------------------------------------------------------------------------


def known_metrics() -> set[str]:
    """The names that the exporter gives."""
    from datetime import UTC, date, datetime

    everything = Freshness(
        datetime.now(UTC),
        (StreamAge("a", "events", 1, 1.0),),
        (WorkerAge("w", 1.0),),
        1.0,
        1.0,
        date(2026, 1, 1),
        {"due": 1},
        1.0,
        1,
        1,
        {"a": 1},
        1,
    )
    return {metric.name for metric in metrics_of(everything)} | {"nrr_up"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alarm_looks_at_metrics_that_exist_and_has_its_section(rule: dict[str, Any]) -> None:
    """Its expression names metrics of ours, its link leads to a section of the runbook."""
    assert set(re.findall(r"\bnrr_\w+", rule["expr"])) <= known_metrics()
    assert rule["labels"]["severity"] in ("warning", "critical")
    address, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert address.endswith("/runbook")
    assert rule["alert"].lower() == anchor
    assert f'<b id="{anchor}">' in runbook.page()
    assert rule["expr"].count("(") == rule["expr"].count(")")


def test_the_dashboard_shows_metrics_that_exist() -> None:
    """Every metric of the exporter's but the marks themselves is on it, each panel in its own place."""
    panels = json.loads((DEPLOY / "grafana" / "freshness.json").read_text())["panels"]
    shown = {name for panel in panels for target in panel["targets"] for name in re.findall(r"\bnrr_\w+", target["expr"])}
    assert known_metrics() - {"nrr_stream_complete_until_seconds"} == shown
    assert len(panels) == len({panel["id"] for panel in panels})
    taken = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    sections = re.findall(r"^## (Nrr\w+)$", (DEPLOY / "runbook.md").read_text(), re.MULTILINE)
    named = {name for panel in panels for name in re.findall(r"\bNrr\w+", panel["description"])}
    assert named <= set(sections)


def test_every_section_of_the_runbook_that_is_called_like_an_alarm_is_one() -> None:
    """In the order of the alarms."""
    sections = re.findall(r"^## (Nrr\w+)$", (DEPLOY / "runbook.md").read_text(), re.MULTILINE)
    assert [rule["alert"] for rule in rules()] == sections


def test_the_runbook_names_commands_that_exist() -> None:
    """Whatever is to be typed can be typed."""
    text = (DEPLOY / "runbook.md").read_text()
    typed = set(re.findall(r"(?:`|^ {4})nrr ([a-z]+)", text, re.MULTILINE))
    assert len(typed) > 5
    assert typed <= set(COMMANDS)


def test_the_exporter_knows_nothing_that_only_an_alarm_knows(engine: Engine) -> None:
    """On a database that nothing was done with, what never happened is left out, so that `absent()` and `unless` find it."""
    from worker.health import freshness

    names = {metric.name for metric in metrics_of(freshness.gather(engine)) if metric.samples}
    assert "nrr_tick_age_seconds" not in names
    assert "nrr_jobs" in names
