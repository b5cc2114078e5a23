"""The style sheet: what is written can be read by whoever sees little contrast, in light, in dark and on paper."""

import re
from typing import Final

import pytest

from integrations.report.render import style

TEXTS: Final = ("ink", "muted", "accent", "gain-text", "loss-text")
SHAPES: Final = ("accent", "gain", "loss", "total", "muted")
_BLOCK: Final = re.compile(r":root \{(.*?)\}", re.DOTALL)


def _schemes() -> dict[str, dict[str, str]]:
    light, dark, printed = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in _BLOCK.findall(style()))
    return {"light": light, "dark": dark, "print": printed}


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_text_stands_out(scheme: str) -> None:
    """4.5 to 1 for text on every ground that it stands on, 3 to 1 for what is drawn (WCAG 2.2, AA)."""
    colours = _schemes()[scheme]
    faint = {
        (text, ground): round(_contrast(colours[text], colours[ground]), 2)
        for ground in ("paper", "soft")
        for text in TEXTS
        if _contrast(colours[text], colours[ground]) < 4.5
    }
    faint |= {("ink", f"h{n}"): 0.0 for n in range(11) if _contrast(colours["ink"], colours[f"h{n}"]) < 4.5}
    assert _contrast(colours["ink"], colours["warn-paper"]) >= 4.5
    faint |= {(shape, "paper"): 0.0 for shape in SHAPES if _contrast(colours[shape], colours["paper"]) < 3}
    assert {} == faint


def test_gains_and_losses_differ_for_everybody() -> None:
    """Blue and vermilion of Okabe and Ito: their blue and red parts lie on opposite sides in each scheme."""
    for colours in _schemes().values():
        gain, loss = ([int(colours[name][n : n + 2], 16) for n in (1, 3, 5)] for name in ("gain", "loss"))
        assert gain[2] > gain[0]
        assert loss[0] > loss[2]


def test_paper_is_as_light_as_the_screen() -> None:
    """Whoever prints from a dark screen gets the light page."""
    schemes = _schemes()
    assert schemes["light"] == schemes["print"]
