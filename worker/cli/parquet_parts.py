"""`nrr export … --by-bucket N`: a folder of Parquet files, one for each part of the customers, as DuckDB, ClickHouse and others read them.

Folders are called `part=NNN`, which those engines take for a column, so that they look only into the parts that a question is about.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from integrations.private_files import FOLDER, private_file, private_folder
from worker.cli.exit_codes import Exit, Stop

if TYPE_CHECKING:
    import polars as pl


def write_parts(frames: Iterator["pl.DataFrame"], folder: Path, name: str) -> int:
    """Write each frame to `folder`/part=NNN/`name`.parquet and give the number of rows. The folder appears when all of it is written, and is
    for its owner alone; what is there already is never mixed with it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Stop(
            f"{folder} is there already and is not empty; nothing was written. Remove it, or name another folder", Exit.USAGE
        )
    target = folder.resolve()
    partial = target.with_name(f".{target.name}.part")
    rows = 0
    try:
        shutil.rmtree(partial, ignore_errors=True)
        private_folder(target.parent)
        partial.mkdir(mode=FOLDER)
        for part, frame in enumerate(frames):
            file = private_folder(partial / f"part={part:03}") / f"{name}.parquet"
            frame.write_parquet(private_file(file))
            rows += len(frame)
        partial.replace(target)
    except OSError as error:
        raise Stop(f"{folder} could not be written: {error.strerror}; nothing was left there") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return rows
