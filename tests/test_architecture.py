"""The rules of the layout that import-linter doesn't know: who may touch what. Read from the source, so that a breach is a line number."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("metrics", "integrations", "worker")


@cache
def _parsed(folder: str) -> tuple[tuple[Path, ast.Module], ...]:
    """Every module below a folder, read once for all rules."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return tuple((path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


def _modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        yield from _parsed(folder)


@cache
def _nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """Every node of a module, walked once for all rules."""
    return tuple(ast.walk(tree))


@pytest.fixture(scope="module", autouse=True)
def _let_go() -> Iterator[None]:
    """A million nodes would be in everybody's way afterwards."""
    yield
    _parsed.cache_clear()
    _nodes.cache_clear()


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in _nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield node.lineno, node.module or ""


def _breaches(library: str, allowed: tuple[str, ...]) -> list[str]:
    return [
        f"{path}:{line} imports {name}"
        for path, tree in _modules(*PACKAGES)
        for line, name in _imports(tree)
        if name.split(".")[0] == library and not str(path).startswith(allowed)
    ]


def test_celery_is_known_to_the_application_and_its_tasks_alone() -> None:
    """What a job does never depends on who runs it; the command line's thin wrappers hand over to Celery's own commands."""
    assert [] == _breaches("celery", ("worker/app.py", "worker/tasks.py"))


def test_stripe_is_known_to_its_adapter_alone() -> None:
    """Everything else speaks the words of `metrics.evidence`."""
    assert [] == _breaches("stripe", ("integrations/stripe/",))


def test_polars_is_not_loaded_for_what_never_computes() -> None:
    """Reading Stripe and the settings need no data frames."""
    quick = (
        "integrations/stripe/",
        "integrations/sandbox/",
        "integrations/notify/",
        "worker/config/",
        "worker/cli/main.py",
        "worker/cli/commands.py",
    )
    found = [
        f"{path}:{line}"
        for path, tree in _modules(*PACKAGES)
        if str(path).startswith(quick)
        for line, name in _imports(tree)
        if name.split(".")[0] == "polars"
    ]
    assert [] == found


def test_every_sql_statement_lives_in_the_store() -> None:
    """Outside of it only connections and errors of SQLAlchemy's are known, and no statement is built."""
    allowed = {
        "Connection",
        "Engine",
        "make_url",
        "DBAPIError",
        "DatabaseError",
        "OperationalError",
        "SQLAlchemyError",
        "IntegrityError",
        "TimeoutError",
        "InterfaceError",
    }
    found = []
    for path, tree in _modules("metrics", "worker", "integrations"):
        if str(path).startswith("integrations/store/"):
            continue
        for node in _nodes(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
                found += [f"{path}:{node.lineno} {alias.name}" for alias in node.names if alias.name not in allowed]
            elif isinstance(node, ast.Attribute) and node.attr == "exec_driver_sql":
                found.append(f"{path}:{node.lineno} {node.attr}")
    assert [] == found


def test_only_the_settings_look_at_the_environment() -> None:
    """A setting that is read elsewhere can't be checked, shown or overridden. What the shell calls sets a variable of a library's, and reads none."""
    found = [
        f"{path}:{node.lineno}"
        for path, tree in _modules(*PACKAGES)
        if str(path) not in ("worker/config/load.py", "worker/cli/main.py")
        for node in _nodes(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert [] == found


def test_what_figures_are_in_is_put_together_and_taken_apart_in_one_place() -> None:
    """`usd` or `all:usd`: whoever asks which, asks `metrics.money.BookCurrency`. SQL views have it in SQL."""
    allowed = {
        "metrics/money.py",
        "integrations/store/views/view.py",
        "integrations/store/migrations/versions/0001_initial_schema.py",
    }
    found = [
        f"{path}:{node.lineno} {node.value!r}"
        for path, tree in _modules(*PACKAGES)
        if str(path) not in allowed
        for node in _nodes(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("all:")
    ]
    assert [] == found


_CALENDARS = {("datetime", "now"), ("datetime", "today"), ("datetime", "utcnow"), ("date", "today")}
_CALENDARS |= {("time", name) for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "strftime")}
_STOPWATCHES = {("time", f"{name}{unit}") for name in ("monotonic", "perf_counter", "process_time") for unit in ("", "_ns")}


def _clocks(tree: ast.Module, clocks: set[tuple[str, str]]) -> Iterator[int]:
    """Lines that name one of these functions: as `datetime.now`, `dt.datetime.now`, or imported alone. The default of an argument is
    handed in like any other value, and whoever calls can replace it."""
    signatures = [node.args for node in _nodes(tree) if isinstance(node, ast.FunctionDef)]
    defaults = {default for each in signatures for default in (*each.defaults, *each.kw_defaults)}
    for node in _nodes(tree):
        if node in defaults:
            continue
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            holder = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            if (holder, node.attr) in clocks:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and any((node.module or "", alias.name) in clocks for alias in node.names):
            yield node.lineno


def test_nothing_but_the_wiring_knows_what_day_it_is() -> None:
    """`now` is handed in, so that a test and `--now` can say what it is. Leases go by the database's clock, which the store asks."""
    assert [] == [
        f"{path}:{line}"
        for path, tree in _modules(*PACKAGES)
        if str(path) != "worker/wiring/wiring.py"
        for line in _clocks(tree, _CALENDARS)
    ]


def test_metrics_measures_no_time_either() -> None:
    """A stopwatch is for waiting and for telling how long something took, and the engine does neither."""
    assert [] == [f"{path}:{line}" for path, tree in _modules("metrics") for line in _clocks(tree, _STOPWATCHES)]


def test_metrics_needs_the_standard_library_and_polars_only() -> None:
    """The engine is pure: what the numbers mean can be read, moved and tested without the rest."""
    import sys

    allowed = {*sys.stdlib_module_names, "polars", "metrics"}
    assert [] == [
        f"{path}:{line} {name}"
        for path, tree in _modules("metrics")
        for line, name in _imports(tree)
        if name.split(".")[0] not in allowed
    ]


def test_every_module_says_why_it_exists() -> None:
    """Its docstring is the first thing that a newcomer reads."""
    missing = [str(path) for path, tree in _modules(*PACKAGES, "tests") if tree.body and not ast.get_docstring(tree)]
    assert [] == missing


def test_every_test_states_its_promise() -> None:
    """A test without a sentence can only be read by running it."""
    missing = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in _modules("tests")
        for node in _nodes(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert [] == missing


def test_the_project_speaks_of_itself_alone() -> None:
    """No path of a machine that it was written on, and nothing left for later."""
    words = ("/wo" + "rk/", "/ro" + "ot/", "TO" + "DO", "FIX" + "ME")
    found = []
    for folder in (*PACKAGES, "tests", "deploy"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in (
                ".py",
                ".md",
                ".yaml",
                ".yml",
                ".toml",
                ".service",
                ".timer",
                ".example",
                ".html",
                ".j2",
                ".json",
            ):
                text = path.read_text(encoding="utf-8")
                found += [f"{path.relative_to(ROOT)}: {word}" for word in words if word in text]
    assert [] == found


def test_what_newcomers_are_sent_to_is_there() -> None:
    """Every path that the README and CONTRIBUTING name exists, and every room of a package stands on the README's map."""
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")}
    named = {
        (name, path)
        for name, text in texts.items()
        for path in re.findall(r"(?<![\w/])((?:metrics|integrations|worker|tests|deploy)/[\w./-]*\w/?)", text)
    }
    assert [] == sorted(f"{name}: {path}" for name, path in named if not (ROOT / path).exists())
    rooms = {
        f"{path.parent.relative_to(ROOT)}"
        for package in ("metrics", "integrations", "worker")
        for path in (ROOT / package).glob("*/__init__.py")
    }
    assert set() == rooms - set(re.findall(r"`([\w/]+)`", texts["README.md"]))


def test_what_is_said_to_stand_elsewhere_stands_there() -> None:
    """Modules, folders and names that docstrings and documents send a reader to, dotted and in backticks: a move takes them along."""
    texts = [ROOT / path for path, _ in _modules(*PACKAGES, "tests")]
    texts += [*ROOT.glob("*.md"), *(ROOT / "deploy").glob("*.md"), ROOT / "metrics" / "DEFINITIONS.md"]
    nowhere = [
        f"{path.relative_to(ROOT)}: {named}"
        for path in texts
        if path.name != "CHANGELOG.md"  # it tells of what was
        for named in re.findall(r"`((?:metrics|integrations|worker|tests)(?:\.[a-zA-Z_]\w*)+)", path.read_text(encoding="utf-8"))
        if not _stands(named.split("."))
    ]
    assert [] == nowhere


def _stands(parts: list[str]) -> bool:
    """Whether there is such a folder or module, or a module in which the last word, or the first of several, is a name."""
    for length in range(len(parts), 0, -1):
        place, rest = ROOT.joinpath(*parts[:length]), parts[length:]
        if place.is_dir():
            return not rest
        module = place.with_suffix(".py")
        if module.is_file():
            return not rest or re.search(rf"\b{rest[0]}\b", module.read_text(encoding="utf-8")) is not None
    return False


def test_canceled_has_one_spelling() -> None:
    """As Stripe writes it: in code, help, messages and documents alike."""
    root = Path(__file__).parents[1]
    texts = [
        *(path for name in PACKAGES for path in (root / name).rglob("*.py")),
        *root.glob("*.md"),
        *(root / "deploy").rglob("*.md"),
    ]
    found = [
        str(path.relative_to(root))
        for path in texts
        if re.search(r"cancell(?:ed|ing)\b", path.read_text(encoding="utf-8"), re.IGNORECASE)
    ]
    assert [] == found
