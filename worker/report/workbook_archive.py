"""A workbook's content as bytes, so that the same workbook can be written again whatever is learnt later.

Frames are Arrow, the rest is JSON, in one zip. Names of customers are not in it: they are kept in one place alone, and looked up anew.
"""

import io
import json
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Final

import polars as pl

from integrations.workbook.content import FRAMES, About, Content
from metrics.retention.cube import Cube

VERSION: Final = 1
_TABLES: Final = ("customers", "mrr", "month_ago", "year_ago", "elsewhere")
_OPTIONAL: Final = ("billings", "outside", "unexplained")
"""Frames that a content may be without."""


class UnknownContent(ValueError):
    """The bytes were written by a release that this one doesn't know."""


def packed(content: Content) -> bytes:
    """The content without names."""
    about = {each.name: _plain(getattr(content.about, each.name)) for each in fields(About)}
    rest = {
        "version": VERSION,
        "about": about,
        "days": [day.isoformat() for day in content.cube.days],
        "members": {name: list(parts) for name, parts in content.members.items()},
        "words": [[*key, text] for key, text in sorted(content.words.items())],
        "reconciliation": content.reconciliation,
    }
    frames = {f"cube.{name}": getattr(content.cube, name) for name in _TABLES}
    frames |= {name: getattr(content, name) for name in FRAMES}
    frames |= {name: getattr(content, name) for name in _OPTIONAL}
    block = io.BytesIO()
    with zipfile.ZipFile(block, "w", zipfile.ZIP_STORED) as file:
        file.writestr("content.json", json.dumps(rest, ensure_ascii=False))
        for name, frame in frames.items():
            if frame is not None:
                inner = io.BytesIO()
                frame.write_ipc_stream(inner, compression="zstd")
                file.writestr(f"{name}.arrow", inner.getvalue())
    return block.getvalue()


def unpacked(body: bytes, names: Mapping[str, str] | None = None) -> Content:
    """The content again, with these names. Raises UnknownContent."""
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        rest = json.loads(file.read("content.json"))
        if rest["version"] != VERSION:
            raise UnknownContent(
                f"this workbook was kept by another release of nrr (its format is {rest['version']}, not {VERSION})"
            )
        held = {name.removesuffix(".arrow") for name in file.namelist() if name.endswith(".arrow")}
        frames = {name: pl.read_ipc_stream(io.BytesIO(file.read(f"{name}.arrow"))) for name in held}
    days = tuple(date.fromisoformat(day) for day in rest["days"])
    tables = {name: frames.get(f"cube.{name}") for name in _TABLES}
    cube = Cube(days, frames["cube.customers"], frames["cube.mrr"], tables["month_ago"], tables["year_ago"], tables["elsewhere"])
    return Content(
        about=_about(rest["about"]),
        cube=cube,
        **{name: frames[name] for name in FRAMES},
        billings=frames.get("billings"),
        outside=frames.get("outside"),
        unexplained=frames.get("unexplained"),
        reconciliation=rest["reconciliation"],
        members=rest["members"],
        words={(dimension, value): text for dimension, value, text in rest["words"]},
        names=names or {},
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else list(value) if isinstance(value, tuple) else value


def _about(plain: Mapping[str, Any]) -> About:
    moments = {name: datetime.fromisoformat(plain[name]) for name in ("made_at", "known_until")}
    days = {name: date.fromisoformat(plain[name]) for name in ("first", "last")}
    return About(**{**plain, **moments, **days, "accounts": tuple(plain["accounts"]), "notes": tuple(plain["notes"])})


def mentions(body: bytes, texts: Collection[str]) -> bool:
    """Whether the content names any of the texts, in a cell or in a word. Content of another release is looked through as well as it goes."""
    sought = sorted(texts)
    if not sought:
        return False
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        for name in file.namelist():
            held = file.read(name)
            if not name.endswith(".arrow"):
                if any(text in held.decode("utf-8", "replace") or json.dumps(text)[1:-1].encode() in held for text in sought):
                    return True
                continue
            frame = pl.read_ipc_stream(io.BytesIO(held))
            for column in frame.select(pl.col(pl.String, pl.Categorical, pl.Enum).cast(pl.String)).iter_columns():
                if any(column.str.contains(text, literal=True).any() for text in sought):
                    return True
    return False
