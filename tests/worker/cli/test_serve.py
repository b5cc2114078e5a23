"""`nrr serve` as a process: where it listens, what it needs for that, and how it ends."""

import re
import signal
import subprocess
import urllib.request
from pathlib import Path

from tests.worker.cli.command import NRR, Run


def test_from_elsewhere_a_token_is_needed(nrr: Run) -> None:
    """Nothing is started without one, nor with one that can be guessed."""
    nrr("db", "upgrade")
    for arguments, environment, said in (
        (("--host", "0.0.0.0"), {}, "a token is needed"),  # which is refused
        (("--host", "192.0.2.1"), {}, "a token is needed"),
        (("--allow-host", "numbers.example.com"), {}, "NRR_SERVE_TOKEN is needed"),
        (("--host", "0.0.0.0"), {"NRR_SERVE_TOKEN": "short"}, "fewer than 16 characters"),
        ((), {"NRR_SERVE_TOKEN": "short"}, "fewer than 16 characters"),
    ):
        done = nrr("serve", *arguments, **environment)
        assert 2 == done.code, done.err
        assert said in done.err
        assert "short" not in done.err.replace("shorter", "")


def test_it_listens_on_this_machine_and_ends_when_told(nrr: Run, alone: dict[str, str], tmp_path: Path) -> None:
    """It says where, answers there, and a SIGTERM ends it with the code of a command that did what it should."""
    url = f"sqlite:///{tmp_path}/nrr.sqlite3"
    assert 0 == nrr("db", "upgrade", DATABASE_URL=url).code
    process = subprocess.Popen(
        [NRR, "serve", "--port", "0"], stderr=subprocess.PIPE, text=True, env={**alone, "DATABASE_URL": url}, cwd=tmp_path
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.match(r"(http://127\.0\.0\.1:\d+/) shows the numbers", said)
        assert found, said + process.stderr.read()
        with urllib.request.urlopen(f"{found[1]}runs", timeout=30) as answer:
            assert b"Nothing ran yet." in answer.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_a_port_that_is_taken_is_said(nrr: Run) -> None:
    """In a sentence, and nothing is left behind."""
    import socket

    nrr("db", "upgrade")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = nrr("serve", "--port", str(taken.getsockname()[1]))
    assert 1 == done.code
    assert "can't be listened on" in done.err
