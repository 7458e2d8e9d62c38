"""The page of the messenger: what the bot wrote, newest first, and the "start" button of a person."""

from __future__ import annotations

from html import escape

from doubles._max_bot import Bot, Message
from doubles._pages import clock, link, shell, with_links

SHOWN = 100  # messages

WORDS = {
    "ru": {
        "title": "Мессенджер MAX",
        "note": "Учебный мессенджер: на телефоны ничего не уходит, сообщения живут, пока он работает.",
        "start": "Вставьте ссылку на бота из портала и нажмите «Начать», как сделал бы человек в мессенджере.",
        "field": "Ссылка на бота",
        "button": "Начать",
        "empty": "Бот ещё ничего не написал",
        "empty_note": "Привяжите мессенджер в портале: сообщение появится здесь.",
        "more": "Показаны последние",
        "dialog": "диалог",
        "stopped": "бот остановлен",
        "field_link": "Нажать «Начать» по ссылке или написать боту",
        "say_stop": "Написать «стоп»",
        "stop": "стоп",
    },
    "en": {
        "title": "MAX messenger",
        "note": "A practice messenger: nothing reaches a phone, messages live as long as it runs.",
        "start": "Paste the link to the bot from the portal and press Start, as a person in the messenger would.",
        "field": "Link to the bot",
        "button": "Start",
        "empty": "The bot has written nothing yet",
        "empty_note": "Bind the messenger in the portal: the message will appear here.",
        "more": "Only the latest are shown:",
        "dialog": "dialog",
        "stopped": "the bot is stopped",
        "field_link": "Press Start with a link or write to the bot",
        "say_stop": "Write “stop”",
        "stop": "stop",
    },
}


def page(bot: Bot, *, lang: str, still: bool, start: str = "") -> str:
    """`start`: the token of the link that led here."""
    words, found = WORDS[lang], bot.listed()
    parts = [f'<p class="note">{words["note"]}</p>', _start(words, lang, still, start)]
    if found:
        stopped = {dialog.chat_id for dialog in bot.dialogs.values() if dialog.is_stopped}
        stop = _stop(words, lang) if still else ""
        cards = "\n".join(_card(message, message.chat_id in stopped, words, stop) for message in found[:SHOWN])
        parts.append(f'<ol class="list">\n{cards}\n</ol>')
    else:
        note = f'<p class="note">{words["empty_note"]}</p>'
        parts.append(f'<section class="empty"><h2>{words["empty"]}</h2>{note}</section>')
    if len(found) > SHOWN:
        parts.append(f'<p class="note">{words["more"]} {SHOWN}.</p>')
    return shell(title=words["title"], lang=lang, body="\n".join(parts), still=still)


def _start(words: dict[str, str], lang: str, still: bool, start: str) -> str:
    """A field where the page stands still, a link to it where a refresh would wipe what is being typed."""
    if not still:
        return f'<p><a class="back" href="{link("/", lang=lang, still="1")}">{words["field_link"]}</a></p>'
    return f"""<p class="note">{words["start"]}</p>
<form class="find" method="post" action="/press">
<input type="hidden" name="lang" value="{lang}">
<label>{words["field"]}<input name="link" value="{escape(start)}" autocomplete="off" required></label>
<button>{words["button"]}</button>
</form>"""


def _stop(words: dict[str, str], lang: str) -> str:
    """The rest of a form that begins with the dialog's number."""
    return f"""<input type="hidden" name="lang" value="{lang}"><input type="hidden" name="text" value="{words["stop"]}">
<button>{words["say_stop"]}</button></form>"""


def _card(message: Message, is_stopped: bool, words: dict[str, str], stop: str) -> str:
    begin = (
        f'<form class="find" method="post" action="/say"><input type="hidden" name="chat_id" value="{message.chat_id}">'
    )
    pill = f'<span class="pill bad">{words["stopped"]}</span>' if is_stopped else ""
    return f"""<li class="card">
<header><strong>{words["dialog"]} {message.chat_id}</strong>{clock(message.time)}</header>
<p class="text">{with_links(message.text)}</p>
<footer>{pill}<span>{escape(message.mid[:12])}…</span></footer>{begin + stop if stop else ""}
</li>"""
