"""`[report]` in nrr.toml: reports that are made by themselves. What is set is checked here; whether the folder can be written shows when it is."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

Schedule = Literal["monthly", "quarterly"]
What = Literal["page", "workbook"]
PERIODS: Final = {"monthly": "month", "quarterly": "quarter"}
"""The kind of period that each schedule is of."""


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class ReportTable(BaseModel):
    """Where reports go, when they are made, what they are, and how the digest speaks of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    schedule: Annotated[tuple[Schedule, ...], BeforeValidator(_several)] = ("monthly",)
    what: Annotated[tuple[What, ...], BeforeValidator(_several)] = ("page", "workbook")
    months: Annotated[int, Field(ge=1, le=120)] = 36
    digest: Literal["linked", "attached", "silent"] = "linked"
    url: str | None = None

    @field_validator("folder", mode="before")
    @classmethod
    def _folder(cls, value: Any) -> Any:
        if not isinstance(value, str | Path) or not str(value).strip():
            raise ValueError("takes the path of a folder")  # pydantic reports ValueErrors
        if "://" in str(value):
            raise ValueError(f"takes a folder, not {str(value)!r}: mount the bucket, or copy the folder there")
        path = Path(value).expanduser()
        if not path.is_absolute():
            raise ValueError(f"takes a whole path such as /srv/reports, not {str(value)!r}: workers run in folders of their own")
        return path

    @field_validator("schedule", "what")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError("takes one or more, each once")
        return value

    @field_validator("url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.netloc or parts.username or parts.query or parts.fragment:
            raise ValueError(
                f"takes the address under which the folder is served, such as https://reports.example.com/, not {value!r}"
            )
        return value.rstrip("/")
