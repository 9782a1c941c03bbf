"""What of the look can be measured without a browser: contrast in light and dark, nothing from elsewhere."""

from __future__ import annotations

import re

import pytest

from secops.web.pages import STATIC

CSS = (STATIC / "base.css").read_text(encoding="utf-8")
# (text, ground) pairs that occur on pages; WCAG 2.2 asks for 4.5:1.
PAIRS = [
    *[(text, ground) for text in ("text", "sub", "faint", "action") for ground in ("surface", "ground", "sunken")],
    ("text", "selected"),
    ("action", "selected"),
    ("on-action", "action"),
    ("on-action", "action-hover"),
    ("on-critical", "sev-critical"),
    ("on-mark", "mark"),
    ("error", "surface"),
    ("error", "error-ground"),
    ("text", "error-ground"),
    ("success", "surface"),
    ("success", "success-ground"),
    ("warn", "warn-ground"),
    ("warn", "ground"),
    *[
        (f"sev-{level}", ground)
        for level in ("critical", "high", "medium", "low", "info")
        for ground in ("surface", "sunken")
    ],
]


def colours(dark: bool) -> dict[str, str]:
    light, night = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", light + (night if dark else "")))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_contrast(text, ground, dark):
    named = colours(dark)
    low, high = sorted((luminance(named[text]), luminance(named[ground])))
    assert (high + 0.05) / (low + 0.05) >= 4.5, (named[text], named[ground])


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_nothing_is_loaded_from_elsewhere(path):
    text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|@import|//cdn|eval\(|new Function", text)
