"""The Helm chart, linted and rendered by Helm's own engine: what comes out is hardened, is given no more secrets than it needs, and names what
is there. Nobody here has a cluster: what a cluster makes of it is not tried."""

import json
from collections.abc import Iterator
from typing import Any

import helm_python
import pytest
import yaml

from tests.deploy.test_deploy import DEPLOY, settings
from tests.faults.plant import ROOT
from worker.cli.commands import COMMANDS

CHART = DEPLOY / "helm"
DIGEST = "sha256:" + "5" * 64
LEAST: dict[str, Any] = {"image": {"repository": "registry.example/nrr"}}
MOST: dict[str, Any] = {
    "image": {"repository": "registry.example/nrr", "digest": DIGEST},
    "imagePullSecrets": [{"name": "registry"}],
    "secret": "of-nrr",
    "moreSecrets": json.loads((CHART / "values.schema.json").read_text())["properties"]["moreSecrets"]["items"]["enum"],
    "environment": {"SMTP_HOST": "smtp.example.com", "NRR_SYNC_MINUTES": "10"},
    "toml": 'reporting_currency = "eur"\n[presets.mine]\ngrace_days = 3\n',
    "worker": {"replicas": 3},
}
OURS = {"worker", "beat", "exporter", "upgrade"}


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that an installation would make."""
    with helm_python.Chart.load(CHART) as chart:
        texts = chart.render(values, name="books", namespace="finance")
    return [found for name, text in texts.items() if not name.endswith(".txt") for found in yaml.safe_load_all(text) if found]


def pods(values: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each container with its pod."""
    for made in rendered(values):
        if made["kind"] in ("Deployment", "Job"):
            pod = made["spec"]["template"]["spec"]
            for container in (*pod.get("initContainers", ()), *pod["containers"]):
                yield container, pod


def secrets_of(container: dict[str, Any], pod: dict[str, Any]) -> set[str]:
    """The keys of the Secret that a container sees."""
    if "secrets" not in {mount["name"] for mount in container["volumeMounts"]}:
        return set()
    return {item["key"] for volume in pod["volumes"] if volume["name"] == "secrets" for item in volume["secret"]["items"]}


@pytest.mark.parametrize("values", [LEAST, MOST], ids=["least", "most"])
def test_helm_finds_nothing_to_complain_of(values: dict[str, Any]) -> None:
    """Strictly; of what it recommends only an icon is missing. Names fit together: one selector, one pod."""
    report = helm_python.lint(CHART, values, strict=True)
    assert (1, []) == (report["total_charts_linted"], report["errors"])
    assert ["icon is recommended"] == [each["error"] for each in report["messages"]]
    for made in rendered(values):
        if made["kind"] == "Deployment":
            labels = made["spec"]["template"]["metadata"]["labels"]
            assert made["spec"]["selector"]["matchLabels"].items() <= labels.items()
            assert {"type": "Recreate"} == made["spec"]["strategy"], "two versions never work on one schema"


@pytest.mark.parametrize("values", [LEAST, MOST], ids=["least", "most"])
def test_every_container_is_hardened_and_limited(values: dict[str, Any]) -> None:
    """Of ours and of others, in every pod; a pod's volumes and mounts fit together."""
    seen = set()
    for container, pod in pods(values):
        seen.add(container["name"])
        assert {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}} == (
            container["securityContext"]
        )
        assert {"cpu", "memory"} == set(container["resources"]["limits"])
        assert pod["securityContext"]["runAsNonRoot"]
        assert {"type": "RuntimeDefault"} == pod["securityContext"]["seccompProfile"]
        assert not pod["automountServiceAccountToken"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in pod["volumes"]}
        assert [0o440] == [volume["secret"]["defaultMode"] for volume in pod["volumes"] if volume["name"] == "secrets"]
    assert {*OURS, "grants"} == seen


def test_nobody_is_given_a_secret_that_it_does_not_need() -> None:
    """Stripe's key and what alerts go by are the worker's alone, the owner's password that of the upgrade."""
    found = {container["name"]: secrets_of(container, pod) for container, pod in pods(MOST)}
    assert {"database_url", "redis_url", "stripe_api_key", *MOST["moreSecrets"]} == found["worker"]
    assert {"database_url", "redis_url"} == found["beat"] == found["exporter"]
    assert {"owner_database_url"} == found["upgrade"] == found["grants"]


@pytest.mark.parametrize("values", [LEAST, MOST], ids=["least", "most"])
def test_what_it_names_is_there(values: dict[str, Any]) -> None:
    """Commands of nrr's, its settings, the files of its secrets, the image by digest where there is one, and the settings' text as it was."""
    for container, pod in pods(values):
        if container["name"] not in OURS:
            continue
        image = values["image"]
        assert container["image"] == (f"{image['repository']}@{DIGEST}" if "digest" in image else f"{image['repository']}:0.1.0")
        assert container["args"][0] in COMMANDS
        names = {each["name"]: each["value"] for each in container["env"]}
        assert set(names) <= settings(), set(names) - settings()
        files = {value.removeprefix("/run/secrets/") for name, value in names.items() if name.endswith("_FILE")}
        assert files == secrets_of(container, pod)
        if "exec" in container.get("livenessProbe", {}):
            assert ["nrr", "health"] == container["livenessProbe"]["exec"]["command"][:2]
    assert values.get("toml", "") == next(
        each["data"]["nrr.toml"] for each in rendered(values) if "nrr.toml" in each.get("data", {})
    )


def test_the_schema_is_brought_up_to_date_first_and_rights_are_granted_as_elsewhere() -> None:
    """By a hook; what it needs is a hook, too. The grants are those of deploy/postgres, word for word."""
    hooks = [made for made in rendered(LEAST) if "helm.sh/hook" in made["metadata"].get("annotations", {})]
    assert ["ConfigMap", "Job"] == [
        made["kind"] for made in sorted(hooks, key=lambda made: int(made["metadata"]["annotations"]["helm.sh/hook-weight"]))
    ]
    assert {"pre-install,pre-upgrade"} == {made["metadata"]["annotations"]["helm.sh/hook"] for made in hooks}
    grants = (DEPLOY / "postgres" / "grants.sql").read_text()
    assert grants == (CHART / "files" / "grants.sql").read_text()
    assert grants.strip() == next(made["data"]["grants.sql"] for made in hooks if "data" in made).strip()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {**LEAST, "moreSecrets": ["aws_key"]},
        {**LEAST, "environment": {"STRIPE_API_KEY": "rk_live_x"}},
        {**LEAST, "environment": {"DATABASE_URL": "postgresql://…"}},
        {**LEAST, "environment": {"SMTP_PASSWORD": "x"}},
        {**LEAST, "worker": {"replica": 2}},
        {"image": {"repository": "x", "digest": "latest"}},
    ],
    ids=str,
)
def test_values_that_cannot_be_meant_are_refused(values: dict[str, Any]) -> None:
    """Among them secrets in the place of settings: they would stand in the cluster for whoever may look at a Deployment."""
    with pytest.raises(helm_python.HelmError):
        rendered(values)


def test_the_charts_version_is_the_releases() -> None:
    """As pyproject.toml says it."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f'version = "{chart["version"]}"' in (ROOT / "pyproject.toml").read_text()
    assert chart["version"] == chart["appVersion"]
