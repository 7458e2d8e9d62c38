"""Reports as mail servers write them: layouts of several kinds of server, in our own words."""

from __future__ import annotations

import base64

US = "clinic@portal.example"
ANNA = "anna@example.ru"
LINE = "\n"


def _mail(*parts: str, headers: str = "", kind: str = "delivery-status", border: str = "=_b1") -> bytes:
    """A multipart/report of these parts, each with its own headers."""
    head = (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.ru (Mail Delivery System)\nTo: {US}\n"
        "Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        f'{headers}Content-Type: multipart/report; report-type={kind};\n\tboundary="{border}"\n\n'
        "This is a MIME-encapsulated message.\n\n"
    )
    body = "".join(f"--{border}\n{part}\n" for part in parts)
    return f"{head}{body}--{border}--\n".replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def returned_headers(ref: str, to: str = ANNA) -> str:
    lines = f"Return-Path: <{US}>\nFrom: Clinic <{US}>\nTo: {to}\nSubject: =?utf-8?b?0JfQsNC/0LjRgdGM?=\n"
    return f"Content-Type: text/rfc822-headers\nContent-Description: Message Headers\n\n{lines}Message-ID: {ref}\n"


def returned_whole(ref: str, to: str = ANNA, body: str = "Запись") -> str:
    return (
        "Content-Description: Undelivered Message\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n"
        f"From: Clinic <{US}>\nTo: {to}\nMessage-ID: {ref}\nContent-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: 8bit\n\n{body}\n"
    )


def status(*blocks: str, kind: str = "message/delivery-status", more: str = "") -> str:
    return f"Content-Description: Delivery report\nContent-Type: {kind}\n{more}\n" + "\n".join(blocks)


def of(to: str = ANNA, *, action: str = "failed", code: str = "5.1.1", says: str = "", original: str = "") -> str:
    first = f"Original-Recipient: rfc822;{original}\n" if original else ""
    last = f"Diagnostic-Code: smtp; {says}\n" if says else ""
    return f"{first}Final-Recipient: rfc822; {to}\nAction: {action}\nStatus: {code}\n{last}"


ABOUT = "Reporting-MTA: dns; mx.example.ru\nArrival-Date: Mon, 23 Nov 2026 08:00:00 +0300 (MSK)\n"
SORRY = (
    "Content-Type: text/plain; charset=us-ascii\n\nI'm sorry to have to inform you that it could not be delivered.\n"
)
SORRY_RU = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nПисьмо не доставлено.\n"
NO_USER = "550 5.1.1 <anna@example.ru>: Recipient address rejected: User unknown in virtual mailbox table"


def postfix(ref: str, **block: str) -> bytes:
    """Headers alone come back where RET=HDRS was asked for."""
    return _mail(SORRY, status(ABOUT, of(**{"says": NO_USER, "original": ANNA} | block)), returned_headers(ref))


def postfix_delay(ref: str) -> bytes:
    block = of(action="delayed", code="4.4.1", says="connect to mx.example.ru[192.0.2.1]:25: Connection timed out")
    return _mail(
        SORRY, status(ABOUT, f"{block}Will-Retry-Until: Sat, 28 Nov 2026 08:00:00 +0300\n"), returned_whole(ref)
    )


def exim(
    ref: str, says: str = "550-5.1.1 The account that you tried to reach does not exist.\n 550 5.1.1 a1si1"
) -> bytes:
    """Its own status is always 5.0.0; the remote server's answer tells more."""
    block = f"Action: failed\nFinal-Recipient: rfc822;{ANNA}\nStatus: 5.0.0\nRemote-MTA: dns; mx.example.ru\n"
    headers = f"X-Failed-Recipients: {ANNA}\nIn-Reply-To: {ref}\nReferences: {ref}\n"
    return _mail(SORRY, status(ABOUT, f"{block}Diagnostic-Code: smtp; {says}\n"), returned_whole(ref), headers=headers)


def yandex(ref: str) -> bytes:
    """Words in Russian, a subject in encoded words, the returned message whole and in eight bits."""
    headers = "X-Yandex-Forward: 0\nX-Note: =?utf-8?B?0J3QtdC00L7RgdGC0LDQstC70LXQvdC90L7QtQ==?=\n"
    block = f"Final-Recipient: rfc822; {ANNA}\nOriginal-Recipient: rfc822;{ANNA}\nAction: failed\nStatus: 5.1.1\n"
    says = "Diagnostic-Code: X-Yandex; 550 5.7.1 No such user!\n"
    return _mail(SORRY_RU, status(ABOUT, block + says), returned_whole(ref, body="Ждём вас 24.11"), headers=headers)


def mailru(ref: str) -> bytes:
    """A mailbox that is full, the status part in a container of its own, the address in brackets and capitals."""
    block = "Final-Recipient: RFC822; <Anna@Example.RU>\nAction: Failed\nStatus: 5.2.2 (mailbox full)\n"
    inner = status(ABOUT, block)
    nested = f'Content-Type: multipart/mixed; boundary="in"\n\n--in\n{SORRY_RU}\n--in\n{inner}\n--in--\n'
    return _mail(nested, returned_headers(ref))


def exchange(ref: str) -> bytes:
    """Nothing of the message comes back but its id in the report's own header."""
    block = of(says="550 5.4.1 Recipient address rejected: Access denied", code="5.4.1")
    return _mail(SORRY, status(ABOUT, block), headers=f"In-Reply-To: {ref}\n")


def with_envelope_id(key: str) -> bytes:
    """The envelope's own id (RFC 3461) instead of the returned message."""
    return _mail(SORRY, status(f"Original-Envelope-Id: {key}\n{ABOUT}", of(says=NO_USER)))


def in_utf8(ref: str, to: str = ANNA) -> bytes:
    block = f"Final-Recipient: utf-8; {to}\nAction: failed\nStatus: 5.1.1\n"
    return _mail(SORRY, status(ABOUT, block, kind="message/global-delivery-status"), returned_headers(ref))


def in_base64(ref: str) -> bytes:
    """Not allowed, and done all the same."""
    text = base64.encodebytes(f"{ABOUT}\n{of(says=NO_USER)}".encode()).decode()
    part = f"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n{text}"
    return _mail(SORRY, part, returned_headers(ref))


def unseparated(ref: str) -> bytes:
    """One block for everything."""
    return _mail(SORRY, status(ABOUT + of(says=NO_USER)), returned_headers(ref))


def to_two(ref: str, other: str = "boris@example.ru") -> bytes:
    refused, taken = of(code="5.1.1"), of(other, action="delayed", code="4.2.2")
    return _mail(SORRY, status(ABOUT, taken, refused), returned_headers(ref))


def huge(ref: str) -> bytes:
    return _mail(SORRY, status(ABOUT, of(says=NO_USER)), returned_whole(ref, body="строка\n" * 30_000))


def receipt(ref: str, action: str = "delivered") -> bytes:
    return _mail(SORRY, status(ABOUT, of(action=action, code="2.0.0")), returned_headers(ref))


def read_receipt(ref: str) -> bytes:
    fields = f"Final-Recipient: rfc822;{ANNA}\nOriginal-Message-ID: {ref}\n"
    part = f"Content-Type: message/disposition-notification\n\n{fields}"
    return _mail(
        SORRY, f"{part}Disposition: manual-action/MDN-sent-manually; displayed\n", kind="disposition-notification"
    )


def complaint(ref: str) -> bytes:
    part = "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n"
    return _mail(SORRY, part, returned_headers(ref), kind="feedback-report")


def on_holiday(ref: str) -> bytes:
    """A person's program answers."""
    text = (
        f"From: {ANNA}\nTo: {US}\nSubject: =?utf-8?b?0K8g0LIg0L7RgtC/0YPRgdC60LU=?=\nAuto-Submitted: auto-replied\n"
        f"In-Reply-To: {ref}\nReferences: {ref}\nContent-Type: text/plain; charset=utf-8\n\n550 5.1.1 Я в отпуске\n"
    )
    return text.replace("\n", "\r\n").encode()


def from_a_person(ref: str) -> bytes:
    """An answer that quotes a report as text."""
    quoted = postfix(ref).decode().replace("\r\n", "\n> ")
    head = f"From: {ANNA}\nTo: {US}\nSubject: Re: help\nIn-Reply-To: {ref}\nContent-Type: text/plain\n\n?\n\n> "
    return (head + quoted).replace("\n", "\r\n").encode()


def forwarded(ref: str) -> bytes:
    """A person sends on a report they got: it lies inside, as a message."""
    head = f'From: {ANNA}\nContent-Type: multipart/mixed; boundary="fw"\n\n--fw\nContent-Type: message/rfc822\n\n'
    return head.replace("\n", "\r\n").encode() + postfix(ref) + b"\r\n--fw--\r\n"
