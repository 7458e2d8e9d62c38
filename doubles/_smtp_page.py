"""Pages of sent e-mail: the list, and one message with its headers, text and HTML."""

from __future__ import annotations

from html import escape

from doubles._pages import clock, code_in, link, shell, with_links
from doubles._smtp_box import Mail

SHOWN = 100  # messages

WORDS: dict[str, dict[str, str]] = {
    "ru": {
        "title": "Отправленные письма",
        "note": "Учебный почтовый сервер: письма никуда не уходят и живут, пока он работает.",
        "last": "Последний код",
        "to": "на адрес",
        "empty": "Писем пока нет",
        "empty_note": "Запросите код для входа по почте или запишитесь на приём: письмо появится здесь.",
        "nothing": "На этот адрес писем не было",
        "nothing_note": "Проверьте адрес или покажите письма на все адреса.",
        "search": "Найти по адресу",
        "find": "Адрес почты",
        "show": "Показать",
        "all": "Все письма",
        "no_subject": "Без темы",
        "more": "Показаны последние",
        "gone": "Такого письма нет",
        "gone_note": "Письма живут, пока работает учебный сервер.",
        "text": "Текст",
        "html": "Оформленный вид",
        "calendar": "Приглашение в календарь",
        "headers": "Заголовки",
        "files": "Вложения",
        "from": "От",
        "whom": "Кому",
        "when": "Когда",
        "tls": "Шифрование при передаче",
        "yes": "да",
        "no": "нет",
    },
    "en": {
        "title": "Sent e-mail",
        "note": "A practice mail server: nothing leaves it, messages live as long as it runs.",
        "last": "Latest code",
        "to": "to",
        "empty": "No e-mail yet",
        "empty_note": "Ask for a sign-in code by e-mail or book a visit: the message will appear here.",
        "nothing": "No e-mail to this address",
        "nothing_note": "Check the address, or show messages to all addresses.",
        "search": "Find by address",
        "find": "E-mail address",
        "show": "Show",
        "all": "All messages",
        "no_subject": "No subject",
        "more": "Only the latest are shown:",
        "gone": "There is no such message",
        "gone_note": "Messages live as long as the practice server runs.",
        "text": "Text",
        "html": "Formatted view",
        "calendar": "Calendar invitation",
        "headers": "Headers",
        "files": "Attachments",
        "from": "From",
        "whom": "To",
        "when": "When",
        "tls": "Encrypted on the way",
        "yes": "yes",
        "no": "no",
    },
}


def list_page(found: list[Mail], *, lang: str, still: bool, to: str) -> str:
    words = WORDS[lang]
    parts = [f'<p class="note">{words["note"]}</p>', _last_code(found, words), _find(words, lang, to, still)]
    if found:
        cards = "\n".join(_card(mail, words, lang) for mail in found[:SHOWN])
        parts.append(f'<ol class="list">\n{cards}\n</ol>')
    else:
        parts.append(_empty(words, "nothing" if to else "empty"))
    if len(found) > SHOWN:
        parts.append(f'<p class="note">{words["more"]} {SHOWN}.</p>')
    return shell(title=words["title"], lang=lang, body="\n".join(parts), still=still, to=to)


def mail_page(mail: Mail | None, *, lang: str, path: str) -> str:
    words = WORDS[lang]
    back = f'<p><a class="back" href="{link("/", lang=lang)}">{words["all"]}</a></p>'
    if mail is None:
        return shell(title=words["gone"], lang=lang, body=back + _empty(words, "gone"), path=path, pauses=False)
    body = "\n".join([back, _facts(mail, words), _text(mail, words), _html(mail, words), _rest(mail, words)])
    return shell(title=mail.subject or words["no_subject"], lang=lang, body=body, path=path, pauses=False)


def _empty(words: dict[str, str], why: str) -> str:
    return f'<section class="empty"><h2>{words[why]}</h2><p class="note">{words[why + "_note"]}</p></section>'


def _last_code(found: list[Mail], words: dict[str, str]) -> str:
    for mail in found[:SHOWN]:
        if code := code_in(mail.part("text/plain")):
            return f"""<section class="last">
<h2>{words["last"]}</h2>
<output>{code}</output>
<p>{words["to"]} {escape(mail.to)}, {clock(mail.at)}</p>
</section>"""
    return ""


def _find(words: dict[str, str], lang: str, to: str, still: bool) -> str:
    """A field where the page stands still, a link to it where a refresh would wipe what is being typed."""
    if to:
        return f'<p><a class="back" href="{link("/", lang=lang)}">{words["all"]}</a></p>'
    if not still:
        return f'<p><a class="back" href="{link("/", lang=lang, still="1")}">{words["search"]}</a></p>'
    return f"""<form class="find" method="get" action="/">
<input type="hidden" name="lang" value="{lang}">
<label>{words["find"]}<input name="to" inputmode="email" autocomplete="off" required></label>
<button>{words["show"]}</button>
</form>"""


def _card(mail: Mail, words: dict[str, str], lang: str) -> str:
    preview = mail.part("text/plain").strip()[:280]
    subject = escape(mail.subject) or words["no_subject"]
    title = f'<a href="{link(f"/m/{mail.number}", lang=lang)}">{subject}</a>'
    return f"""<li class="card">
<header><strong>{title}</strong>{clock(mail.at)}</header>
<p class="text">{with_links(preview)}</p>
<footer><span>{escape(mail.to)}</span></footer>
</li>"""


def _facts(mail: Mail, words: dict[str, str]) -> str:
    facts = {
        words["from"]: escape(str(mail.message.get("From", mail.sender))),
        words["whom"]: escape(mail.to),
        words["when"]: clock(mail.at),
        words["tls"]: words["yes" if mail.is_encrypted else "no"],
    }
    if mail.files:
        facts[words["files"]] = escape(", ".join(mail.files))
    rows = "\n".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    return f'<section class="card"><dl>\n{rows}\n</dl></section>'


def _text(mail: Mail, words: dict[str, str]) -> str:
    return f'<section class="card"><h2>{words["text"]}</h2><pre>{with_links(mail.part("text/plain"))}</pre></section>'


def _html(mail: Mail, words: dict[str, str]) -> str:
    """Somebody else's HTML stays in a frame without scripts, forms, remote pictures and our origin."""
    if not mail.part("text/html"):
        return ""
    frame = f'<iframe sandbox title="{words["html"]}" src="/m/{mail.number}/html"></iframe>'
    return f'<section class="card"><h2>{words["html"]}</h2>{frame}</section>'


def _rest(mail: Mail, words: dict[str, str]) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in mail.headers)
    calendar = mail.part("text/calendar")
    event = f'<details><summary>{words["calendar"]}</summary><pre class="raw">{escape(calendar)}</pre></details>'
    return f"""<section class="card">
<details><summary>{words["headers"]}</summary><pre class="raw">{escape(headers)}</pre></details>
{event if calendar else ""}
</section>"""
