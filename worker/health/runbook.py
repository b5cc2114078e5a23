"""The runbook as a page that alarms can lead to: its text as it stands, with a place to jump to for each section."""

import html
from pathlib import Path
from typing import Final

PLACES: Final = (Path(__file__).parent / "runbook.md", Path(__file__).resolve().parents[2] / "deploy" / "runbook.md")
"""Where the text is: beside this module in an installation, in deploy/ in a checkout."""


def page() -> str:
    """The page, which needs nothing from elsewhere."""
    path = next((each for each in PLACES if each.is_file()), None)
    text = (
        path.read_text(encoding="utf-8")
        if path
        else "# Runbook\n\ndeploy/runbook.md of the sources is not part of this installation.\n"
    )
    out = []
    for line in text.splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ")
            out.append(f'<b id="{html.escape(title.lower().replace(" ", "-"))}">{html.escape(line)}</b>')
        else:
            out.append(html.escape(line))
    body = "\n".join(out)
    style = "body{max-width:60rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap}b:target{background:#fd6}"
    return f'<!doctype html><meta charset="utf-8"><title>nrr runbook</title><style>{style}</style><pre>{body}</pre>'
