"""The look of the doubles' pages: one shell, Russian and English, no script."""

from __future__ import annotations

import re
from datetime import datetime
from html import escape
from urllib.parse import urlencode

REFRESH = 5  # seconds
LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
CODE = re.compile(r"(?:код|code)\D{0,24}?(\d{4,8})(?!\d)|(?<!\d)(\d{6})(?!\d)", re.IGNORECASE)

SHELL = {
    "ru": {"other": "English", "pause": "Остановить обновление", "resume": "Обновлять снова"},
    "en": {"other": "Русский", "pause": "Stop refreshing", "resume": "Resume refreshing"},
}


def language(asked: str) -> str:
    return "en" if asked == "en" else "ru"


def link(path: str, **query: str) -> str:
    """An address inside the double; empty values are left out."""
    given = {name: value for name, value in query.items() if value}
    return escape(f"{path}?{urlencode(given)}" if given else path)


def shell(
    *, title: str, lang: str, body: str, path: str = "/", still: bool = False, pauses: bool = True, **query: str
) -> str:
    """A whole page. `body` is HTML; `still`: it does not refresh now; `pauses`: it can; links keep `query`."""
    words = SHELL[lang]
    other = "ru" if lang == "en" else "en"
    quiet = "1" if still else ""
    switch = link(path, lang=lang, still="" if still else "1", **query)
    pause = f'<a href="{switch}">{words["resume" if still else "pause"]}</a>' if pauses else ""
    return f"""<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(title)}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header class="bar">
<h1>{escape(title)}</h1>
<nav>
{pause}
<a href="{link(path, lang=other, still=quiet, **query)}" lang="{other}" hreflang="{other}">{words["other"]}</a>
</nav>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def with_links(text: str) -> str:
    """Escaped text in which web addresses can be followed."""
    parts, end = [], 0
    for found in LINK.finditer(text):
        address = escape(found.group())
        parts.append(f'{escape(text[end : found.start()])}<a href="{address}" rel="noreferrer">{address}</a>')
        end = found.end()
    return "".join([*parts, escape(text[end:])])


def code_in(text: str) -> str:
    """The one-time code in a text, "" when there is none."""
    found = CODE.search(LINK.sub(" ", text))
    return (found.group(1) or found.group(2)) if found else ""


def clock(at: datetime) -> str:
    """`at` in the machine's zone as <time>: the hour today, with the day otherwise."""
    local = at.astimezone()
    shown = local.strftime("%H:%M:%S" if local.date() == datetime.now().astimezone().date() else "%d.%m %H:%M:%S")
    return f'<time datetime="{local.isoformat(timespec="seconds")}">{shown}</time>'
