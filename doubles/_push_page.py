"""The page of push messages, newest first, as the browsers would read them."""

from __future__ import annotations

from html import escape

from doubles._pages import clock, shell, with_links
from doubles._push_service import Message, Service

SHOWN = 100  # messages

WORDS = {
    "ru": {
        "title": "Push-уведомления",
        "note": "Учебная служба push: в браузеры ничего не уходит, сообщения живут, пока она работает.",
        "empty": "Пока ничего не отправлено",
        "empty_note": "Подпишите браузер на уведомления: сообщение появится здесь.",
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


def page(service: Service, *, lang: str, still: bool) -> str:
    words, found, now = WORDS[lang], service.listed(), service.now()
    parts = [f'<p class="note">{words["note"]}</p>']
    if found:
        cards = "\n".join(_card(message, state(message, now), words) for message in found[:SHOWN])
        parts.append(f'<ol class="list">\n{cards}\n</ol>')
    else:
        note = f'<p class="note">{words["empty_note"]}</p>'
        parts.append(f'<section class="empty"><h2>{words["empty"]}</h2>{note}</section>')
    if len(found) > SHOWN:
        parts.append(f'<p class="note">{words["more"]} {SHOWN}.</p>')
    return shell(title=words["title"], lang=lang, body="\n".join(parts), still=still)


def state(message: Message, now: float) -> str:
    if message.text is None:
        return "unreadable"
    return "waiting" if message.is_kept(now) else "expired"


def _card(message: Message, state: str, words: dict[str, str]) -> str:
    tone = "bad" if state != "waiting" else ""
    return f"""<li class="card">
<header><strong>{words["to"]} {escape(message.token[:6])}…</strong>{clock(message.time)}</header>
<p class="text">{with_links(message.text or "")}</p>
<footer><span class="pill {tone}">{words[state]}</span><span>{words["kept"]}: {message.ttl}</span>
<span>{words["bytes"]}: {message.size}</span><span>{words["repeats"]}: {message.repeats}</span></footer>
</li>"""
