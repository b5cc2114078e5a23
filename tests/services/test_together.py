"""How tests are handed out to workers."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.services.together import ASKED_FOR, ROOT, scope_of

KINDS, TRUST = "tests/stories/test_kinds.py", "tests/worker/test_trust.py"
HISTORIES = "tests/lives/test_histories.py"


def test_what_shares_something_stays_together_and_nothing_else() -> None:
    """A file with a fixture for its module is one worker's, as are files that ask for the same installation; others' tests go one by one,
    as do the long ones when all are run."""
    assert [KINDS] * 2 == [scope_of(f"{KINDS}::test_one[a@b]"), scope_of(f"{KINDS}::test_other")]
    assert f"{TRUST}::test_one" == scope_of(f"{TRUST}::test_one")
    assert {"installed"} == {scope_of(f"tests/worker/{name}.py::test_one") for name in ("report/test_page", "serve/test_window")}
    assert {"concern"} == {scope_of(f"tests/worker/cli/{name}.py::test_one") for name in ("test_names", "test_overview")}
    asked = f"{HISTORIES}::test_one[1]"
    assert (HISTORIES, asked) == (scope_of(asked), scope_of(asked, at_length=True))


@pytest.mark.long
def test_a_worker_makes_it_once(tmp_path: Path) -> None:
    """For real, by two workers: every test of such a file says the same worker."""
    (tmp_path / "conftest.py").write_text(
        "from tests.services import together\n"
        "from pathlib import Path\n"
        "together.ROOT = Path(__file__).parent\n"
        "def pytest_xdist_make_scheduler(config, log): return together.Together(config, log)\n"
    )
    body = "import os, pytest\n{}@pytest.mark.parametrize('n', range(8))\ndef test_it(n): open('-'.join((os.environ['PYTEST_XDIST_WORKER'], '{}', str(n))), 'w').close()\n"
    (tmp_path / "test_a.py").write_text(body.format('@pytest.fixture(scope="module")\ndef made(): ...\n', "a"))
    (tmp_path / "test_b.py").write_text(body.format("", "b"))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")  # its own settings: none of ours
    run = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "-p",
        "no:cacheprovider",
        f"--rootdir={tmp_path}",
        "-c",
        "pytest.ini",
        ".",
    ]
    here = str(Path(__file__).parents[2])
    done = subprocess.run(
        run, cwd=tmp_path, capture_output=True, text=True, timeout=120, env={**_environment(), "PYTHONPATH": here}
    )
    assert 0 == done.returncode, done.stdout
    workers = defaultdict(set)
    for file in tmp_path.glob("gw*"):
        worker, name, _ = file.name.split("-")
        workers[name].add(worker)
    assert (1, 16) == (len(workers["a"]), len(list(tmp_path.glob("gw*"))))


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


def test_what_is_shared_is_asked_for_as_the_scheduler_looks_for_it() -> None:
    """Each fixture that is named there is a session's, and some test asks for each by these very words."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests/worker").rglob("*.py")]
    for name, asked in ASKED_FOR.items():
        assert any(f'@pytest.fixture(scope="session")\ndef {name}(' in text for text in texts)
        assert set() == {each for each in asked if not any(re.search(rf"\ndef test_\w+\([^)]*\b{each}\b", text) for text in texts)}
