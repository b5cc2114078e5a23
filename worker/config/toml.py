"""Reading nrr.toml, with the line of whatever can't be read."""

import tomllib
from pathlib import Path
from typing import Any

from integrations.bounded_reading import SETTINGS, read_text_bounded


class BadToml(ValueError):
    """The file can't be read as TOML."""


def load_toml(path: Path) -> dict[str, Any]:
    """The file's tables. Raises BadToml, which names the file and the line."""
    try:
        return tomllib.loads(read_text_bounded(path, SETTINGS))
    except OSError as error:
        raise BadToml(f"{path} could not be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadToml(f"{path} is not text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadToml(f"{path}: {error}") from None
    except RecursionError:
        raise BadToml(f"{path} is nested too deeply to be settings") from None
    except ValueError as error:  # a number of thousands of digits
        raise BadToml(f"{path}: {str(error).partition(';')[0]}") from None
