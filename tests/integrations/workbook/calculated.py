"""A workbook's formulas, calculated by somebody else: LibreOffice where it is, an evaluator in Python everywhere.

The results that are stored beside the formulas are taken out first, so that whoever says the same has calculated it.
"""

import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import openpyxl

OFFICE: Final = shutil.which("soffice") or shutil.which("libreoffice")
_ALWAYS: Final = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""
Cell = tuple[str, str]
"""A sheet and a cell of it."""


def formulas_of(path: Path) -> dict[Cell, str]:
    """Every formula of a workbook."""
    return {
        (sheet, cell): value
        for sheet, cell, value in _cells(path, values=False)
        if isinstance(value, str) and value.startswith("=")
    }


def results_of(path: Path) -> dict[Cell, Any]:
    """What every cell of a workbook holds, of a formula its stored result."""
    return {(sheet, cell): value for sheet, cell, value in _cells(path, values=True)}


def _cells(path: Path, *, values: bool) -> Iterator[tuple[str, str, Any]]:
    book = openpyxl.load_workbook(path, data_only=values, read_only=False)
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is not None:
                    yield sheet.title, cell.coordinate, cell.value
    book.close()


def without_results(path: Path, out: Path) -> Path:
    """The same workbook without the results that were stored beside its formulas."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename.startswith("xl/worksheets/sheet"):
                text = re.sub(r"(</f>)<v>[^<]*</v>", r"\1", data.decode("utf-8"))
                data = re.sub(r' t="str"(><f>)', r"\1", text).encode("utf-8")
            new.writestr(item, data)
    return out


def by_office(path: Path, folder: Path) -> dict[Cell, Any]:
    """What LibreOffice makes of the formulas."""
    assert OFFICE is not None, "asked only where it is"
    profile = folder / "profile" / "user"
    profile.mkdir(parents=True)
    (profile / "registrymodifications.xcu").write_text(_ALWAYS, encoding="utf-8")
    bare = without_results(path, folder / "bare.xlsx")
    done = folder / "done"
    command = [
        OFFICE,
        f"-env:UserInstallation=file://{folder / 'profile'}",
        "--headless",
        "--convert-to",
        "xlsx",
        "--outdir",
        str(done),
        str(bare),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return results_of(done / "bare.xlsx")


def by_python(path: Path, folder: Path) -> dict[Cell, Any]:
    """What a library that evaluates Excel's formulas makes of them."""
    import warnings

    import formulas

    bare = without_results(path, folder / "bare.xlsx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own
        found = formulas.ExcelModel().loads(str(bare)).finish().calculate()
    out: dict[Cell, Any] = {}
    for sheet, cell in formulas_of(path):
        value = found[f"'[bare.xlsx]{sheet.upper()}'!{cell}"].value[0, 0]
        out[sheet, cell] = value if isinstance(value, str) else float(value)
    return out
