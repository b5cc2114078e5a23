"""What is installed: audited or said not to be, listed, and pinned for those who install without the lock."""

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.faults.plant import ROOT
from tests.supply.audit import read

UV = ROOT / ".venv" / "bin" / "uv"
RUNTIME = ["export", "--frozen", "--no-dev", "--all-extras"]


def exported(*words: str) -> str:
    """What uv makes of the lock, without asking anybody."""
    done = subprocess.run(
        [str(UV), *words, "--offline", "--quiet"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith("#"))


def test_an_audit_of_nothing_fails_and_says_so() -> None:
    """Everything passed over, no report, or rubbish: exit 3, and in CI words alone."""
    skipped = json.dumps(
        {"dependencies": [{"name": "a", "skip_reason": "Dependency not found on PyPI and could not be audited: a (1)"}]}
    )
    for report in (skipped, "", "no json", "{}"):
        found = read(report)
        assert (3, 0) == (found.exit_code(in_ci=False), found.exit_code(in_ci=True))
        assert "NOTHING WAS AUDITED" in found.words()[-1]


def test_a_vulnerability_fails_everywhere() -> None:
    """It is named with the release that mends it; what was passed over is named, too."""
    report: dict[str, Any] = {
        "dependencies": [
            {"name": "a", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]},
            {"name": "b", "version": "2.0", "vulns": []},
            {"name": "c", "skip_reason": "not found"},
        ]
    }
    found = read(json.dumps(report))
    assert (1, 1) == (found.exit_code(in_ci=False), found.exit_code(in_ci=True))
    assert [
        "vulnerable: a 1.0: PYSEC-1, mended in 1.1",
        "2 packages audited, 1 vulnerabilities known",
        "not audited: c",
    ] == found.words()
    report["dependencies"][0]["vulns"] = []
    assert 0 == read(json.dumps(report)).exit_code(in_ci=False)


def test_ci_audits() -> None:
    """As its last word, and by the same program as `make audit`."""
    assert "make audit-in-ci" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.skipif(not UV.exists(), reason="this environment was made without uv")
def test_the_list_of_parts_names_every_package_with_its_hash() -> None:
    """`make sbom`: CycloneDX of what runs, as the lock has it, and nothing of what is for development."""
    made = json.loads(exported(*RUNTIME, "--format", "cyclonedx1.5", "--preview-features", "sbom-export"))
    assert "CycloneDX" == made["bomFormat"]
    parts = {each["name"]: each for each in made["components"]}
    assert {"celery", "polars", "stripe", "uvicorn", "matplotlib"} <= set(parts)
    assert not {"pytest", "mypy", "hypothesis"} & set(parts)
    for name in ("celery", "stripe"):
        assert any(reference.get("hashes") for reference in parts[name]["externalReferences"]), name


@pytest.mark.skipif(not UV.exists(), reason="this environment was made without uv")
@pytest.mark.parametrize(("name", "more"), [("requirements.txt", []), ("constraints.txt", ["--no-hashes"])])
def test_what_others_install_by_is_what_is_locked(name: str, more: list[str]) -> None:
    """The files beside the guide are the lock's content; after a change of it: make lock."""
    held = "\n".join(line for line in (ROOT / "deploy" / name).read_text().splitlines() if not line.startswith("#"))
    assert exported(*RUNTIME, "--no-emit-project", *more) == held, "run: make lock"


def test_every_requirement_has_a_hash() -> None:
    """So that pip takes nothing that was not looked at; uv itself, with which the image is built, too."""
    for name in ("requirements.txt", "requirements-build.txt"):
        text = (ROOT / "deploy" / name).read_text().replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert lines
        assert [] == [line for line in lines if "--hash=sha256:" not in line]
    assert "--require-hashes" in (ROOT / "deploy" / "Dockerfile").read_text()


def test_supported_versions_are_said_alike() -> None:
    """In the package, the README and the guide."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert ">=3.11" == project["requires-python"]
    assert "Python 3.11" in Path(ROOT / "README.md").read_text()
