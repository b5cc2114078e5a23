"""What goes wrong at a user's hands: the exit code, and a message that names the object and the next step."""

import subprocess
import sys
from pathlib import Path

from integrations.sandbox.sandbox import Sandbox
from tests.services.postgres import free_port
from tests.worker.cli.command import Run


def test_help_imports_nothing_heavy() -> None:
    """`nrr --help` answers at once, because no library that takes time is imported for it."""
    code = (
        "import sys\nsys.argv = ['nrr', '--help']\n"
        "try:\n    from worker.cli.main import run\n    run()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'polars', 'sqlalchemy', 'celery', 'stripe', 'pydantic', 'structlog', 'redis', 'psycopg', 'rich'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "heavy: []" == done.stdout.strip().splitlines()[-1], done.stderr
    assert "Usage: nrr" in done.stdout


def test_every_command_has_its_help(nrr: Run) -> None:
    """Each name in the table can be loaded, and says what it does."""
    from worker.cli.commands import COMMANDS, load

    for name in COMMANDS:
        assert load(name).help, name
    done = nrr("show", "retention", "--help")
    assert 0 == done.code
    assert "--from" in done.out


def test_a_missing_key_says_where_to_put_it(nrr: Run) -> None:
    """Without an account there is nothing to read, and the demo needs none."""
    assert 0 == nrr("db", "upgrade").code
    done = nrr("sync")
    assert 2 == done.code
    assert "STRIPE_API_KEY is not set" in done.err
    assert "nrr demo" in done.err
    assert "" == done.out


def test_a_refused_key_is_told_and_not_shown(nrr: Run, stripe: Sandbox) -> None:
    """Exit 12, with the next step and without the key."""
    key = "sk_test_thisisnotthekeyatall"
    assert 0 == nrr("db", "upgrade").code
    done = nrr("sync", STRIPE_API_KEY=key, STRIPE_API_BASE=stripe.url)
    assert 12 == done.code
    assert 1 == done.err.count("refused the key")
    assert key not in done.out + done.err


def test_a_key_that_cannot_read_is_told_before_a_file_is_written(nrr: Run, tmp_path: Path) -> None:
    """`nrr init` with a publishable key says what doctor would say of it, and leaves nothing behind that would have to be mended."""
    done = nrr("init", STRIPE_API_KEY="pk_live_51abcdefghijklmnop")
    assert 2 == done.code
    assert "STRIPE_API_KEY: this is a publishable key (pk_…), which can read nothing" in done.err
    assert "51abcdefghijklmnop" not in done.out + done.err
    assert not (tmp_path / "nrr.toml").exists()
    assert 0 == nrr("init").code
    assert 2 == nrr("init", STRIPE_API_KEY="whsec_51abcdefghijklmnop").code


def test_an_unmigrated_database_says_how_to_migrate(nrr: Run, stripe: Sandbox) -> None:
    """Exit 10 before anything is read, and again for figures."""
    done = nrr("sync", STRIPE_API_KEY=stripe.key, STRIPE_API_BASE=stripe.url)
    assert 10 == done.code
    assert "nrr db upgrade" in done.err
    assert 10 == nrr("show", "mrr").code


def test_an_unreachable_host_is_named(nrr: Run) -> None:
    """Exit 1 with the address and what to check."""
    assert 0 == nrr("db", "upgrade").code
    base = f"http://127.0.0.1:{free_port()}"
    done = nrr("sync", STRIPE_API_KEY="sk_test_x", STRIPE_API_BASE=base)
    assert 1 == done.code
    assert base in done.err
    assert "STRIPE_API_BASE" in done.err


def test_an_unreachable_database_is_told_without_its_password(nrr: Run) -> None:
    """Exit 1, not a traceback."""
    address = f"postgresql://nrr:hunter2secret@127.0.0.1:{free_port()}/nrr"
    done = nrr("show", "mrr", DATABASE_URL=address)
    assert 1 == done.code
    assert "DATABASE_URL" in done.err
    assert "hunter2secret" not in done.err
    assert "Traceback" not in done.err


def test_a_file_that_is_no_database_is_told(nrr: Run, tmp_path: Path) -> None:
    """Exit 1 and what to check, and the file stays as it was."""
    (tmp_path / "letter.txt").write_text("dear reader, " * 100)
    done = nrr("show", "mrr", DATABASE_URL=f"sqlite:///{tmp_path / 'letter.txt'}")
    assert (1, "") == (done.code, done.out)
    assert "file is not a database" in done.err
    assert "DATABASE_URL" in done.err
    assert "Traceback" not in done.err
    assert "dear reader, " * 100 == (tmp_path / "letter.txt").read_text()


def test_the_lines_of_the_help_are_whole(nrr: Run) -> None:
    """No command's line is cut at the edge of a narrow terminal."""
    lines = nrr("--help", COLUMNS="80").out.splitlines()
    assert [] == [line for line in lines[1:] if line.endswith("...")]


def test_figures_before_the_first_sync_say_what_is_missing(nrr: Run) -> None:
    """An empty database has no figures, and that is not the same as zero."""
    assert 0 == nrr("db", "upgrade").code
    done = nrr("show", "mrr", "--json")
    assert 1 == done.code
    assert "nrr sync" in done.err
    assert "" == done.out


def test_wrong_settings_are_told_all_at_once(nrr: Run) -> None:
    """Exit 2 with every fault."""
    done = nrr("config", "show", REPORTING_TIMEZONE="Mars", NRR_THREADS="many")
    assert 2 == done.code
    assert "REPORTING_TIMEZONE" in done.err
    assert "NRR_THREADS" in done.err


def test_a_date_that_is_none_is_refused(nrr: Run, stripe: Sandbox) -> None:
    """Exit 2 with what the option takes."""
    done = nrr("show", "mrr", "--now", "yesterday")
    assert 2 == done.code
    assert "--now takes an instant" in done.err


def test_init_writes_settings_once(nrr: Run) -> None:
    """A file that is there stays as it is, unless it is asked for anew; what was written can be read."""
    first = nrr("init", "--currency", "EUR", "--timezone", "Europe/Berlin")
    assert 0 == first.code, first.err
    assert "next: set STRIPE_API_KEY" in first.err
    again = nrr("init", "--currency", "usd", "--json")
    assert "is there already" in again.err
    shown = {row["name"]: row for row in nrr("config", "show", "--json").json["settings"]}
    assert ("eur", "nrr.toml") == (shown["reporting_currency"]["value"], shown["reporting_currency"]["source"])
    assert "Europe/Berlin" == shown["reporting_timezone"]["value"]


def test_doctor_goes_through_everything(nrr: Run, stripe: Sandbox) -> None:
    """With a good key all is well; without a schema the exit code says so and the other checks are made all the same."""
    env = {"STRIPE_API_KEY": stripe.key, "STRIPE_API_BASE": stripe.url}
    unmigrated = nrr("doctor", "--json", **env)
    assert 10 == unmigrated.code
    states = {check["name"]: check["state"] for check in unmigrated.json["checks"]}
    assert ("wrong", "ok") == (states["database"], states["stripe default"])
    assert 0 == nrr("db", "upgrade").code
    done = nrr("doctor", **env)
    assert 0 == done.code, done.out + done.err
    assert "stripe default subscriptions: can be read" in done.out
    assert 12 == nrr("doctor", STRIPE_API_KEY="sk_test_wrongwrong", STRIPE_API_BASE=stripe.url).code


def test_a_mistyped_file_is_not_made(nrr: Run, tmp_path: Path) -> None:
    """Looking at figures makes neither folder nor file: only `init`, `db upgrade` and `demo` do."""
    address = f"sqlite:///{tmp_path}/ther/nrr.sqlite3"
    for arguments in (("show", "mrr"), ("doctor",), ("runs",), ("alerts", "list"), ("verify",)):
        done = nrr(*arguments, DATABASE_URL=address)
        assert 10 == done.code, (arguments, done.err)
    assert not (tmp_path / "ther").exists()
    assert 0 == nrr("db", "upgrade", DATABASE_URL=address).code
    assert (tmp_path / "ther" / "nrr.sqlite3").exists()


def test_an_error_is_known_by_its_class_and_not_by_its_name() -> None:
    """Somebody else's class of the same name keeps its traceback; a broker that is away is not called the database."""
    from integrations.store import migrate
    from worker.cli.exit_codes import Exit, told

    class NotMigrated(RuntimeError):
        """A namesake."""

    class OperationalError(Exception):
        """As kombu calls it when a broker is away."""

    ours = told(migrate.NotMigrated(None, "1"))
    assert ours is not None
    assert (Exit.NOT_MIGRATED, None, None) == (ours.code, told(NotMigrated("no")), told(OperationalError("no broker")))
