"""The declaration of the views for dbt: as the views are, and understood by dbt itself, whose tests pass on a real database."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from sqlalchemy import make_url

from integrations.store import migrate
from integrations.store.db.engine import begin, open_engine
from integrations.store.views.dbt import sources
from integrations.store.views.declared import VIEWS
from tests.integrations.store.business import small_business

DEPLOY: Final = Path(__file__).parents[3] / "deploy"
DBT: Final = ("dbt-core>=1.10.5,<1.11", "dbt-postgres>=1.9,<1.11")
"""In an environment of its own, which uv keeps: what dbt pins is no business of ours."""


def test_the_declaration_is_the_views_own() -> None:
    """The file is made of the views' declarations, and so names every view and column, each with a description."""
    text = (DEPLOY / "dbt" / "sources.yml").read_text(encoding="utf-8")
    assert text == sources()
    (source,) = yaml.safe_load(text)["sources"]
    assert {view.in_schema: list(view.columns) for view in VIEWS} == {
        f"nrr.{table['name']}": [column["name"] for column in table["columns"]] for table in source["tables"]
    }
    assert all(column["description"] for table in source["tables"] for column in table["columns"])
    assert all({*view.never_null, *view.words} <= {*view.columns} for view in VIEWS)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_dbt_finds_the_sources_and_its_tests_pass(postgres_database: str, tmp_path: Path) -> None:
    """`dbt test` in a project with nothing but our file; and it fails where a figure that must be there is missing."""
    engine = open_engine(postgres_database)
    migrate.upgrade(engine)
    small_business(engine)
    project = _project(tmp_path, postgres_database)
    done = _dbt(project)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert " ERROR=0 " in done.stdout
    assert " PASS=0 " not in done.stdout
    with begin(engine) as connection:
        connection.exec_driver_sql("UPDATE movement SET kind = 'growth' WHERE kind = 'expansion'")
    broken = _dbt(project)
    assert 1 == broken.returncode, broken.stdout
    assert "accepted_values_nrr_movements_kind" in broken.stdout
    engine.dispose()


def _project(folder: Path, url: str) -> Path:
    address = make_url(url)
    target: dict[str, Any] = {
        "type": "postgres",
        "host": address.host,
        "port": address.port,
        "user": address.username,
        "password": address.password or "none",
        "dbname": address.database,
        "schema": "analytics",
        "threads": 2,
    }
    files = {
        "profiles.yml": {"nrr": {"target": "test", "outputs": {"test": target}}},
        "dbt_project.yml": {
            "name": "nrr_test",
            "version": "1.0.0",
            "profile": "nrr",
            "flags": {"send_anonymous_usage_stats": False},
        },
    }
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content))
    (folder / "models").mkdir()
    shutil.copy(DEPLOY / "dbt" / "sources.yml", folder / "models" / "sources.yml")
    return folder


def _dbt(project: Path) -> subprocess.CompletedProcess[str]:
    uv = str(Path(sys.executable).with_name("uv"))
    packages = [part for package in DBT for part in ("--with", package)]
    command = [uv, "run", "--no-project", "--python", sys.executable, *packages, "dbt", "--no-use-colors", "test"]
    folders = ["--project-dir", str(project), "--profiles-dir", str(project)]
    return subprocess.run([*command, *folders], capture_output=True, text=True, cwd=project, timeout=500, check=False)
