"""Installed outside of this folder, by each Python that is supported and at hand, with the versions of `deploy/constraints.txt`: it starts, and the demo
reads a business and explains it. Needs a package index; what isn't there is said."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.faults.plant import ROOT

UV = ROOT / ".venv" / "bin" / "uv"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@cache
def interpreter(version: str) -> str | None:
    """A Python of a version on this machine, asked whether it is one; None is downloaded."""
    homes = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*"))
    candidates = [shutil.which(f"python{version}"), *(str(home / "bin" / "python") for home in homes), sys.executable]
    for each in candidates:
        if each is None:
            continue
        asked = subprocess.run([each, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True)
        if asked.stdout.strip() == version:
            return each
    return None


@pytest.mark.skipif(not UV.exists(), reason="this environment was made without uv")
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_it_can_be_installed_elsewhere(version: str, tmp_path: Path) -> None:
    """Into an environment that knows nothing of this folder, without the lock."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"not run: this machine has no Python {version}")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("NRR_", "STRIPE_", "PYTHON", "VIRTUAL_ENV"))}
    home = tmp_path / "venv"
    subprocess.run(
        [str(UV), "venv", "--quiet", "--no-python-downloads", "--python", python, str(home)], check=True, timeout=60, env=bare
    )
    install = [
        str(UV),
        "pip",
        "install",
        "--quiet",
        "--python",
        str(home / "bin" / "python"),
        "-c",
        str(ROOT / "deploy" / "constraints.txt"),
    ]
    done = subprocess.run([*install, f"{ROOT}[charts,serve]"], capture_output=True, text=True, timeout=400, env=bare, cwd=tmp_path)
    if "tcp connect error" in done.stderr or "dns error" in done.stderr:
        pytest.skip("not run: no package index can be reached")
    assert 0 == done.returncode, done.stderr[-3000:]
    nrr = home / "bin" / "nrr"
    bare |= {"XDG_DATA_HOME": str(tmp_path / "data"), "NRR_RATES_URL": "off"}
    said = subprocess.run([str(nrr), "--version"], capture_output=True, text=True, timeout=60, env=bare, cwd=tmp_path)
    assert (0, "nrr ") == (said.returncode, said.stdout[:4]), said.stderr
    demo = subprocess.run([str(nrr), "demo"], capture_output=True, text=True, timeout=300, env=bare, cwd=tmp_path)
    assert 0 == demo.returncode, demo.stderr[-3000:]
    assert "NRR" in demo.stdout
    where = "import worker.health.runbook as r; print(r.__file__); print(r.page().count('<b id='))"
    page = subprocess.run(
        [str(home / "bin" / "python"), "-c", where], capture_output=True, text=True, timeout=60, env=bare, cwd=tmp_path
    )
    place, sections = page.stdout.split()
    assert place.startswith(str(home)), "the installed one, not this folder's"
    assert int(sections) > 10, "the runbook comes along"
