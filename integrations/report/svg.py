"""What matplotlib draws, made fit for a page: colours that follow light and dark, no inline styles, no fonts, no ids that clash.

A page's policy forbids inline styles, and its style sheet says what a colour is. So each colour that charts are drawn with stands for a name
(`PALETTE`), and comes out as a class of that name; everything else that matplotlib says in `style` becomes an attribute.
"""

import re
from typing import Final
from xml.etree import ElementTree as ET

_SVG: Final = "http://www.w3.org/2000/svg"
_LINK: Final = "{http://www.w3.org/1999/xlink}href"
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_SIZE: Final = re.compile(r"(?:(?P<weight>bold|\d{3}) )?(?P<size>[\d.]+)px(?: .*)?")
_UPRIGHT: Final = re.compile(r"rotate\(-?0(?: [^)]*)?\)")
_BETWEEN_TAGS: Final = re.compile(r">\s+<")
_DROPPED: Final = frozenset({"metadata", "title", "style"})
PLACE: Final = "@@"
"""Where the page puts a number of its own into the ids of each chart, so that no two of them clash."""
_KEPT: Final = frozenset(
    {
        "fill-opacity",
        "font-weight",
        "opacity",
        "stroke-dasharray",
        "stroke-dashoffset",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-opacity",
        "stroke-width",
        "text-anchor",
    }
)

PALETTE: Final = {
    "#010101": "ink",
    "#020202": "muted",
    "#030303": "line",
    "#040404": "accent",
    "#050505": "gain",
    "#060606": "loss",
    "#070707": "total",
    "#080808": "band",
    "#090909": "second",
    "#0a0a0a": "paper",
}
"""Colours that stand for names: nobody would draw with them."""
COLOUR: Final = {name: colour for colour, name in PALETTE.items()}


def for_page(drawn: str) -> str:
    """The SVG `drawn` by matplotlib as an element for a page; its ids begin with PLACE, for which the page has to give each chart its own.

    Raises KeyError for a colour that is not in PALETTE: it would not follow the page.
    """
    ET.register_namespace("", _SVG)
    root = ET.fromstring(drawn)  # noqa: S314  # what was drawn here a moment ago
    _without(root)
    for element in root.iter():
        _attributes(element)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    text = ET.tostring(root, encoding="unicode")
    return _BETWEEN_TAGS.sub("><", text.strip())


def _without(parent: ET.Element) -> None:
    """Take out what a page has no use for, and groups and definitions in which nothing is left."""
    for child in list(parent):
        _without(child)
        tag = child.tag.rpartition("}")[2]
        if tag in _DROPPED or (tag in ("g", "defs") and not len(child)):
            parent.remove(child)


def _attributes(element: ET.Element) -> None:
    tag = element.tag.rpartition("}")[2]
    classes = []
    for name, value in _style(element.attrib.pop("style", "")).items():
        if name in ("fill", "stroke"):
            if value == "none":
                element.set(name, "none")
            else:
                classes.append(f"{name}-{PALETTE[value.lower()]}")
        elif name in ("font-size", "font"):
            found = _SIZE.fullmatch(value)
            assert found is not None, f"a size as matplotlib writes it, not {value!r}"
            element.set("font-size", found["size"])
            if found["weight"]:
                element.set("font-weight", found["weight"])
        elif name in _KEPT:
            element.set(name, value)
    if classes:
        element.set("class", " ".join(classes))
    if tag == "g":
        element.attrib.pop("id", None)  # names of matplotlib's own parts, the same in each chart
    elif "id" in element.attrib:
        element.set("id", f"{PLACE}{element.attrib['id']}")
    if _LINK in element.attrib:
        element.set("href", f"#{PLACE}{element.attrib.pop(_LINK).removeprefix('#')}")
    if _UPRIGHT.fullmatch(element.attrib.get("transform", "")):
        del element.attrib["transform"]
    for name, value in list(element.attrib.items()):
        if "url(#" in value:
            element.set(name, _REFERENCE.sub(rf"url(#{PLACE}\1)", value))


def _style(text: str) -> dict[str, str]:
    parts = (part.partition(":") for part in text.split(";"))
    return {name.strip(): value.strip() for name, _, value in parts if name.strip()}
