"""One of the processes that read beside a command: `python -P -m worker.runs.reading_process`, told what to do as `processes.process` is."""

import sys
from collections.abc import Sequence

from worker.runs import steps
from worker.runs.processes import process
from worker.wiring.wiring import Wiring


def read(wiring: Wiring, wanted: Sequence[int]) -> int:
    """Read lists of the runs until none is left; after a failure leave them to others, and give 1."""
    return 1 if steps.read_lists(wiring, wanted).error is not None else 0


if __name__ == "__main__":
    sys.exit(process.main(read, threads=None))
