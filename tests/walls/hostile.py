"""What no browser of ours would send, and the forms it is tried on."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

from django.urls import reverse

from tests.cast import PHONES, uid
from tests.contracts.push_keys import OURS, encoded, public_of
from tests.walls.urls import chip, person

FORM = "application/x-www-form-urlencoded"

WORST = {
    "NUL": "a\x00b",
    "control": "\x01\x02\x1b[31m\x7f",
    "long": "я" * 100_000,
    "emoji": "👩‍⚕️🦠",
    "rtl": "\u202egnp.exe",
    "sql": "'; DROP TABLE people_patient; --",
    "markup": "<img src=x onerror=alert(1)>",
    "template": "{{7*7}}{% debug %}",
    "percent": "%00%0d%0a",
    "path": "../../../etc/passwd",
    "negative": "-1",
    "huge": "9" * 400,
    "enormous": "9" * 5000,
    "float": "1e309",
    "nan": "NaN",
    "json": '{"$ne": null}',
    "newline": "a\r\nSet-Cookie: portal_session=x",
    "null": "null",
    "spaces": "\u00a0\u2003\u200b",
}


def errors_at(response):
    """Names of the fields that have a message beside them, their controls marked."""
    page = response.content.decode()
    found = set()
    for name in re.findall(r'<span class="error" id="(?:id|new)_(\w+)-error">', page):
        assert re.search(rf'aria-describedby="[^"]*_{name}-error', page), f"{name}: the control does not name its error"
        text = re.search(rf'_{name}-error">(.*?)</span></span>', page, re.S)
        assert re.sub(r"<[^>]+>|\s", "", text[1]), f"{name}: an empty message"
        found.add(name)
    return found


def post(client, path, data, **more):
    return client.post(path, urlencode(data, doseq=True), content_type=FORM, **more)


def signing_in(client_of):
    return client_of(), reverse("people:sign-in"), {"contact": PHONES["anna"]}


def code(client_of):
    client = client_of()
    post(client, reverse("people:sign-in"), {"contact": PHONES["anna"]})
    return client, reverse("people:code"), {"code": "123456"}


def _flow(client_of, **values):
    """A browser whose contact is proved, without walking there."""
    client = client_of()
    post(client, reverse("people:sign-in"), {"contact": "+79991112233"})
    session = client.session
    session["sign_in"] = {"next": "/me/", "proved": session["sign_in"]["code"]} | values
    session.save()
    return client


def consent(client_of):
    values = {"document": str(uid("document-consent-account")), "agree": "on"}
    return _flow(client_of), reverse("people:consent"), values


def new_person(client_of):
    client = _flow(client_of, consent=str(uid("document-consent-account")), agreed_at="2026-01-01T00:00:00+00:00")
    return client, reverse("people:new"), person()


def own_data(client_of):
    return client_of("anna"), reverse("people:data"), person()


def new_contact(client_of):
    return client_of("anna"), reverse("people:contact-add"), {"contact": "+79991112233"}


def contact_code(client_of):
    client = client_of("anna")
    post(client, reverse("people:contact-add"), {"contact": "+79991112233"})
    return client, reverse("people:contact-confirm"), {"code": "123456"}


def staff(client_of):
    return client_of(), reverse("people:staff-sign-in"), {"email": "rita@bereg.example", "password": "x"}


def held(client_of):
    client = client_of("anna")
    answer = post(client, reverse("scheduling:hold"), chip())
    path = answer["Location"] + "confirm/"
    return client, path, {"patient": str(uid("anna")), "comment": "кашель"}


def hold(client_of):
    return client_of("anna"), reverse("scheduling:hold"), chip()


def sessions(client_of):
    return client_of("anna"), reverse("people:sessions-end"), {"session": "a" * 40}


def device(client_of):
    keys = {"p256dh": public_of(OURS), "auth": encoded(bytes(16))}
    given = {"endpoint": "https://fcm.googleapis.com/fcm/send/a", "keys": keys}
    return client_of("anna"), reverse("notifications:device-add"), {"subscription": json.dumps(given)}
