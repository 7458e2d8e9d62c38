"""Russian letters in latin ones, as in passports (ICAO Doc 9303, part 3, section 6), and those that look alike."""

from __future__ import annotations

PAIRS = (
    ("абвгдеёз", ("a", "b", "v", "g", "d", "e", "e", "z")),
    ("жийклмно", ("zh", "i", "i", "k", "l", "m", "n", "o")),
    ("прстуфхц", ("p", "r", "s", "t", "u", "f", "kh", "ts")),
    ("чшщъыьэюя", ("ch", "sh", "shch", "ie", "y", "", "e", "iu", "ia")),
)
LATIN = str.maketrans(
    {letter: latin for letters, latins in PAIRS for letter, latin in zip(letters, latins, strict=True)}
)
# latin letters that a keyboard slips into a Russian name, and the letter that is written both ways
LOOKALIKES = str.maketrans("abcehkmoptxyё", "авсенкмортхуе")


def latin(text: str) -> str:
    """In lower case: for addresses of pages, and, with capitals, for English ones."""
    return text.lower().translate(LATIN)
