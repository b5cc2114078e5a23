"""Mutants that nobody can kill, because they answer the same, each with its reason: (module, before, after) → why."""

KNOWN: dict[tuple[str, str, str], str] = {
    (
        "metrics/amounts.py",
        "candidates = [units + sum(some) for size in range(len(doubtful) + 1) for some in combinations(doubtful, size)]",
        "candidates = [units + sum(some) for size in range(len(doubtful) + 2) for some in combinations(doubtful, size)]",
    ): "there are no combinations of more than there are",
}
