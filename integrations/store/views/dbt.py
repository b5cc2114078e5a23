"""The views as sources for dbt, with the tests that hold of them: `deploy/dbt/sources.yml` is this text."""

import json
from typing import Final

from integrations.store.views.create import SQL_TYPES
from integrations.store.views.declared import VIEWS
from integrations.store.views.view import SCHEMA, View

_ABOUT: Final = "Made by nrr; its own text of the declarations of the views. Change those, not this."


def sources() -> str:
    """A `sources.yml` with every view, what its columns mean, and the tests that every installation passes."""
    out = [f"# {_ABOUT}", "version: 2", "sources:", f"  - name: {SCHEMA}", f"    schema: {SCHEMA}"]
    out += ["    description: MRR and retention of a Stripe account, by nrr", "    tables:"]
    for view in VIEWS:
        out += [
            f"      - name: {view.in_schema.partition('.')[2]}",
            f"        description: {_said(view.comment)}",
            "        columns:",
        ]
        for column in view.described().values():
            unit = f" ({column.unit})" if column.unit else ""
            out += [f"          - name: {column.name}", f"            data_type: {SQL_TYPES[column.type]}"]
            out += [f"            description: {_said(column.meaning + unit)}", *_tests(view, column.name)]
    return "\n".join(out) + "\n"


def _tests(view: View, column: str) -> list[str]:
    tests = ["              - not_null"] if column in view.never_null else []
    if column in view.words:
        words = ", ".join(_said(word) for word in view.words[column])
        tests += ["              - accepted_values:", "                  arguments:", f"                    values: [{words}]"]
    if column == "customer" and "policy" in view.columns and not view.in_schema.endswith(".customers"):
        tests += ["              - relationships:", "                  arguments:"]
        tests += [f"                    to: source('{SCHEMA}', 'customers')", "                    field: customer"]
    return ["            data_tests:", *tests] if tests else []


def _said(text: str) -> str:
    """A text as YAML has it: JSON is YAML."""
    return json.dumps(text, ensure_ascii=False)
