"""How many parts an SMS takes and in which alphabet: exactly, because each part is paid for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# GSM 03.38 default alphabet; position 0x1B (escape) is not a character.
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("^{}\\[~]|€\f")


@dataclass(frozen=True, slots=True)
class Segments:
    """units: septets (GSM) or UTF-16 code units (UCS-2) of the whole text; parts: what is paid for, 0 if empty."""

    alphabet: Literal["GSM", "UCS-2"]
    units: int
    parts: int


def count_segments(text: str) -> Segments:
    """Count one message. A character outside GSM 03.38 turns the whole text into UCS-2."""
    if all(char in GSM_BASIC or char in GSM_EXTENSION for char in text):
        widths = [2 if char in GSM_EXTENSION else 1 for char in text]
        return Segments("GSM", sum(widths), _parts(widths, single=160, part=153))
    widths = [2 if ord(char) > 0xFFFF else 1 for char in text]
    return Segments("UCS-2", sum(widths), _parts(widths, single=70, part=67))


def _parts(widths: list[int], *, single: int, part: int) -> int:
    if sum(widths) <= single:
        return 1 if widths else 0
    parts, filled = 1, 0
    for width in widths:
        if filled + width > part:  # a wide character is never split over two parts
            parts, filled = parts + 1, 0
        filled += width
    return parts
