"""The page of sent SMS: the last code large, then every message, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from doubles._pages import clock, code_in, link, shell, with_links
from doubles._sms import Box, Message, State

SHOWN = 100  # messages


@dataclass(frozen=True)
class States:
    """A vendor's states: language → state → what a person reads; which are good news, which bad."""

    words: dict[str, dict[State, str]]
    good: frozenset[State]
    bad: frozenset[State]


WORDS = {
    "ru": {
        "title": "Отправленные SMS",
        "note": "Учебный SMS-шлюз: на телефоны ничего не уходит, сообщения живут, пока он работает.",
        "last": "Последний код",
        "to": "на номер",
        "empty": "Пока ничего не отправлено",
        "empty_note": "Запросите код для входа или запишитесь на приём: сообщение появится здесь.",
        "nothing": "На этот номер ничего не отправлено",
        "nothing_note": "Проверьте номер или покажите сообщения на все номера.",
        "find": "Номер телефона",
        "search": "Найти по номеру",
        "show": "Показать",
        "all": "Все номера",
        "parts": "частей",
        "sender": "отправитель",
        "more": "Показаны последние",
    },
    "en": {
        "title": "Sent SMS",
        "note": "A practice SMS gateway: nothing reaches a phone, messages live as long as it runs.",
        "last": "Latest code",
        "to": "to",
        "empty": "Nothing has been sent yet",
        "empty_note": "Ask for a sign-in code or book a visit: the message will appear here.",
        "nothing": "Nothing was sent to this number",
        "nothing_note": "Check the number, or show messages to all numbers.",
        "find": "Phone number",
        "search": "Find by number",
        "show": "Show",
        "all": "All numbers",
        "parts": "parts",
        "sender": "sender",
        "more": "Only the latest are shown:",
    },
}


def page(account: Box, states: States, *, lang: str, still: bool, phone: str) -> str:
    words = WORDS[lang]
    found = account.listed(phone)
    parts = [f'<p class="note">{words["note"]}</p>', _last_code(found, words), _find(words, lang, phone, still)]
    if found:
        cards = "\n".join(_card(message, account.state(message), states, lang) for message in found[:SHOWN])
        parts.append(f'<ol class="list">\n{cards}\n</ol>')
    else:
        why = "nothing" if phone else "empty"
        note = f'<p class="note">{words[why + "_note"]}</p>'
        parts.append(f'<section class="empty"><h2>{words[why]}</h2>{note}</section>')
    if len(found) > SHOWN:
        parts.append(f'<p class="note">{words["more"]} {SHOWN}.</p>')
    return shell(title=words["title"], lang=lang, body="\n".join(parts), still=still, phone=phone)


def _last_code(found: list[Message], words: dict[str, str]) -> str:
    message = next((message for message in found if code_in(message.text)), None)
    if message is None:
        return ""
    return f"""<section class="last">
<h2>{words["last"]}</h2>
<output>{code_in(message.text)}</output>
<p>{words["to"]} <span class="num">{_phone(message.phone)}</span>, {clock(message.time)}</p>
</section>"""


def _find(words: dict[str, str], lang: str, phone: str, still: bool) -> str:
    """A field where the page stands still, a link to it where a refresh would wipe what is being typed."""
    if phone:
        return f'<p><a class="back" href="{link("/", lang=lang)}">{words["all"]}</a></p>'
    if not still:
        return f'<p><a class="back" href="{link("/", lang=lang, still="1")}">{words["search"]}</a></p>'
    field = '<input name="phone" type="tel" inputmode="tel" autocomplete="off" required>'
    return f"""<form class="find" method="get" action="/">
<input type="hidden" name="lang" value="{lang}">
<label>{words["find"]}{field}</label>
<button>{words["show"]}</button>
</form>"""


def _card(message: Message, state: State, states: States, lang: str) -> str:
    words = WORDS[lang]
    tone = "ok" if state in states.good else "bad" if state in states.bad else ""
    said = states.words[lang].get(state, escape(str(state)))
    return f"""<li class="card">
<header><strong>{_phone(message.phone)}</strong>{clock(message.time)}</header>
<p class="text">{with_links(message.text)}</p>
<footer><span class="pill {tone}">{said}</span><span>{words["parts"]}: {message.parts}</span>
<span>{words["sender"]}: {escape(message.sender)}</span></footer>
</li>"""


def _phone(digits: str) -> str:
    """+7 912 345-67-89; other countries without groups."""
    if len(digits) == 11 and digits[0] == "7":
        return f"+7 {digits[1:4]} {digits[4:7]}-{digits[7:9]}-{digits[9:]}"
    return f"+{escape(digits)}"
