"""Mutants that nobody can kill, because they answer the same, each with its reason: (module, before, after) → why."""

KNOWN: dict[tuple[str, str, str], str] = {}
