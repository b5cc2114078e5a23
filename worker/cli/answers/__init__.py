"""What each command's `--json` has: every key with its type, unit and sentence, declared once.

`nrr schema` prints it as JSON Schema, `deploy/columns.md` as tables; a test holds what the commands print against it.
"""
