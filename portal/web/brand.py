"""The clinic's own hue: one colour in, the brand tokens out, and a refusal when people could not read it.

Pure functions. Lightness is handled in OKLCH, where equal steps look equal, so one hex gives a light and a
dark palette; contrast is WCAG's, computed from the hex values that are really served.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MINIMUM = 4.5
HEX = re.compile(r"#[0-9a-fA-F]{6}")
PAPER, WHITE, DARK_PAPER, DARK_SURFACE = "#f0f4f0", "#ffffff", "#0f1613", "#18211d"


class ColourError(ValueError):
    """Not a colour, or one that would not be readable."""


def _channels(colour: str) -> tuple[float, float, float]:
    if not HEX.fullmatch(colour):
        raise ColourError(f"{colour!r} is not a colour like #0d5c4b")
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _encoded(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def luminance(colour: str) -> float:
    red, green, blue = (_linear(channel) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2: from 1 (the same) to 21 (black on white)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def to_oklch(colour: str) -> tuple[float, float, float]:
    r, g, b = (_linear(channel) for channel in _channels(colour))
    long = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    middle = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b2 = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return lightness, math.hypot(a, b2), math.atan2(b2, a)


def _rgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def from_oklch(lightness: float, chroma: float, hue: float) -> str:
    """The nearest colour a screen can show: chroma gives way, lightness and hue stay."""
    for _ in range(40):
        channels = _rgb(lightness, chroma, hue)
        if all(-0.0005 <= channel <= 1.0005 for channel in channels):
            break
        chroma *= 0.93
    return "#" + "".join(f"{round(255 * _encoded(min(1.0, max(0.0, c)))):02x}" for c in channels)


def _until(colour_at: float, step: float, chroma: float, hue: float, grounds: tuple[str, ...], wanted: float) -> str:
    """Walk the lightness by `step` until the colour stands out against every ground."""
    lightness = colour_at
    for _ in range(100):
        colour = from_oklch(lightness, chroma, hue)
        if min(contrast(colour, ground) for ground in grounds) >= wanted:
            return colour
        lightness = min(1.0, max(0.0, lightness + step))
    return from_oklch(lightness, 0, hue)


@dataclass(frozen=True)
class Palette:
    """Pairs of (light, dark); `deep` is the same in both."""

    brand: tuple[str, str]
    brand_2: tuple[str, str]
    on_brand: tuple[str, str]
    brand_soft: tuple[str, str]
    brand_ink: tuple[str, str]
    deep: str


def is_allowed(accent: str) -> bool:
    """Is white readable on it, and is it readable on our paper, at 4.5 : 1?"""
    try:
        return min(contrast(accent, WHITE), contrast(accent, PAPER)) >= MINIMUM
    except ColourError:
        return False


def palette(accent: str) -> Palette:
    """All brand tokens from one colour. Raises `ColourError` when text on it would be under 4.5 : 1."""
    worst = min(contrast(accent, WHITE), contrast(accent, PAPER))
    if worst < MINIMUM:
        raise ColourError(f"{accent} gives {worst:.1f} : 1 against the page, at least {MINIMUM} : 1 is needed")
    lightness, chroma, hue = to_oklch(accent)
    soft = from_oklch(0.925, min(chroma, 0.035), hue)
    dark_soft = from_oklch(0.32, min(chroma, 0.05), hue)
    on_dark = from_oklch(0.24, min(chroma, 0.05), hue)
    dark = _until(0.78, 0.01, min(chroma, 0.11), hue, (DARK_PAPER, DARK_SURFACE, on_dark), 7)
    return Palette(
        brand=(accent.lower(), dark),
        brand_2=(from_oklch(max(0.0, lightness - 0.07), chroma, hue), from_oklch(0.86, min(chroma, 0.09), hue)),
        on_brand=(WHITE, on_dark),
        brand_soft=(soft, dark_soft),
        brand_ink=(
            _until(min(lightness, 0.42), -0.01, chroma, hue, (soft, WHITE), 7),
            _until(0.87, 0.01, min(chroma, 0.08), hue, (dark_soft, DARK_SURFACE), 7),
        ),
        deep=_until(0.35, -0.01, min(chroma, 0.09), hue, (dark,), 6),
    )


def stylesheet(accent: str) -> str:
    """The tokens as CSS, for every version but the clear one, whose colours are nobody's to choose."""
    tokens = palette(accent)
    pairs = ("brand", "brand_2", "on_brand", "brand_soft", "brand_ink")
    lines = [f"--{name.replace('_', '-')}: light-dark({', '.join(getattr(tokens, name))});" for name in pairs]
    lines.append(f"--deep: {tokens.deep};")
    body = "\n    ".join(lines)
    return f'@layer brand {{\n  :root:not([data-clear], :has([name="clear"]:checked)) {{\n    {body}\n  }}\n}}\n'
