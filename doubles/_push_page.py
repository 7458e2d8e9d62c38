"""The page of push messages, newest first, as the browsers would read them."""

from __future__ import annotations

import json
from html import escape

from doubles._pages import clock, link, shell, with_links
from doubles._push_service import Message, Service

SHOWN = 100  # messages

WORDS = {
    "ru": {
        "title": "Push-уведомления",
        "note": "Учебная служба push: в браузеры ничего не уходит, сообщения живут, пока она работает.",
        "empty": "Пока ничего не отправлено",
        "empty_note": "Подпишите браузер на уведомления: сообщение появится здесь.",
        "hands_on": "Завести учебный браузер или показать сообщение",
        "browser": "Новый учебный браузер",
        "copy": "Подписка учебного браузера. Скопируйте её целиком и вставьте в кабинете, в «Учебный браузер».",
        "show": "Показать, как браузер",
        "shown": "показано",
        "more": "Показаны последние",
        "to": "подписка",
        "kept": "хранится, с",
        "bytes": "байт",
        "repeats": "заменено раз",
        "waiting": "ждёт устройство",
        "expired": "срок вышел",
        "unreadable": "браузер не смог прочитать",
    },
    "en": {
        "title": "Push messages",
        "note": "A practice push service: nothing reaches a browser, messages live as long as it runs.",
        "empty": "Nothing has been sent yet",
        "empty_note": "Subscribe a browser to notifications: the message will appear here.",
        "hands_on": "Make a practice browser, or show a message",
        "browser": "New practice browser",
        "copy": "A practice browser’s subscription. Copy all of it and paste it in the account, “Practice browser”.",
        "show": "Show it as a browser would",
        "shown": "shown",
        "more": "Only the latest are shown:",
        "to": "subscription",
        "kept": "kept, s",
        "bytes": "bytes",
        "repeats": "times replaced",
        "waiting": "waits for the device",
        "expired": "expired",
        "unreadable": "the browser could not read it",
    },
}


def page(service: Service, *, lang: str, still: bool, made: dict[str, object] | None = None) -> str:
    """`made`: a subscription to be copied."""
    words, found, now = WORDS[lang], service.listed(), service.now()
    parts = [f'<p class="note">{words["note"]}</p>', _browser(words, lang, still, made)]
    if found:
        cards = "\n".join(
            _card(message, state(message, now), words, lang if still else "") for message in found[:SHOWN]
        )
        parts.append(f'<ol class="list">\n{cards}\n</ol>')
    else:
        note = f'<p class="note">{words["empty_note"]}</p>'
        parts.append(f'<section class="empty"><h2>{words["empty"]}</h2>{note}</section>')
    if len(found) > SHOWN:
        parts.append(f'<p class="note">{words["more"]} {SHOWN}.</p>')
    return shell(title=words["title"], lang=lang, body="\n".join(parts), still=still)


def _browser(words: dict[str, str], lang: str, still: bool, made: dict[str, object] | None) -> str:
    """Buttons where the page stands still, a link to them where a refresh would take the text away."""
    if not still:
        return f'<p><a class="back" href="{link("/", lang=lang, still="1")}">{words["hands_on"]}</a></p>'
    shown = f'<p class="note">{words["copy"]}</p><pre class="raw">{escape(json.dumps(made))}</pre>' if made else ""
    return f"""<form class="find" method="post" action="/browser"><input type="hidden" name="lang" value="{lang}">
<button>{words["browser"]}</button></form>{shown}"""


def state(message: Message, now: float) -> str:
    if message.text is None:
        return "unreadable"
    if message.is_shown:
        return "shown"
    return "waiting" if message.is_kept(now) else "expired"


def _show(message: Message, words: dict[str, str], lang: str) -> str:
    return f"""<form class="find" method="post" action="/show"><input type="hidden" name="lang" value="{lang}">
<input type="hidden" name="token" value="{escape(message.token)}">
<input type="hidden" name="topic" value="{escape(message.topic)}"><button>{words["show"]}</button></form>"""


def _card(message: Message, state: str, words: dict[str, str], lang: str) -> str:
    """`lang`: with a button, in this language."""
    tone = {"waiting": "", "shown": "ok"}.get(state, "bad")
    button = _show(message, words, lang) if lang and state == "waiting" else ""
    return f"""<li class="card">
<header><strong>{words["to"]} {escape(message.token[:6])}…</strong>{clock(message.time)}</header>
<p class="text">{with_links(message.text or "")}</p>
<footer><span class="pill {tone}">{words[state]}</span><span>{words["kept"]}: {message.ttl}</span>
<span>{words["bytes"]}: {message.size}</span><span>{words["repeats"]}: {message.repeats}</span></footer>{button}
</li>"""
