"""What is written from the declarations of columns and keys: `make columns` writes it, `test_columns.py` holds that it is as it would be written."""

from pathlib import Path
from typing import Final

from integrations.store.views.create import described
from integrations.store.views.dbt import sources
from worker.cli.answers.tables import tables

DEPLOY: Final = Path(__file__).parents[1] / "deploy"


def texts() -> dict[Path, str]:
    """Each file with what it has to say."""
    views = DEPLOY / "sql-views.md"
    head, mark, _ = views.read_text(encoding="utf-8").partition("## The views\n\n")
    columns = DEPLOY / "columns.md"
    introduction = columns.read_text(encoding="utf-8").partition("## ")[0]
    return {
        views: head + mark + described(),
        columns: introduction + tables(),
        DEPLOY / "dbt" / "sources.yml": sources(),
    }


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
