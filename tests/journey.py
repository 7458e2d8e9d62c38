"""A patient's whole way over HTTP, as a browser goes it: forms with their tokens, redirects followed."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.servers import eventually


class Browser:
    """httpx with a memory for the CSRF token of the last page."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, follow_redirects=True, timeout=60)
        self.address = address
        self.page = self.client.get("/")

    def get(self, path: str) -> httpx.Response:
        self.page = self.client.get(path)
        return self.page

    def post(self, path: str, **data: Any) -> httpx.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page.text)
        fields = data | {"csrfmiddlewaretoken": token[1] if token else ""}
        self.page = self.client.post(path, data=fields, headers={"Referer": self.address})
        return self.page

    def value(self, name: str) -> str:
        """The value of a field on the page."""
        for tag in re.findall(r"<(?:input|button)[^>]*>", self.page.text):
            if f'name="{name}"' in tag:
                found = re.search(r'value="([^"]*)"', tag)
                return found[1] if found else ""
        raise AssertionError(f"no field {name} on {self.page.url}")


def code_from(messages: Any, address: str) -> str:
    """The newest one-time code that a double has for this phone or e-mail."""

    def newest() -> str:
        for message in messages():
            text = str(message.get("text", ""))
            to = str(message.get("phone") or message.get("to"))
            if address in to and (found := re.search(r"\b(\d{6})\b", text)):
                return found[1]
        return ""

    return str(eventually(newest))


def register(browser: Browser, messages: Any, contact: str, person: dict[str, str]) -> None:
    """Sign in as someone new: contact → code → consent → who you are."""
    browser.get("/sign-in/")
    browser.post("/sign-in/", contact=contact)
    browser.post("/sign-in/code/", code=code_from(messages, contact))
    browser.post("/sign-in/consent/", document=browser.value("document"), agree="on")
    page = browser.post("/sign-in/new/", **person)
    assert page.status_code == 200, page.text
    assert page.url.path.startswith("/me/")


def book(browser: Browser, chip: dict[str, str], comment: str = "") -> str:
    """Press a time, choose the first person, confirm; the address of the visit."""
    browser.get("/doctors/vera/")
    browser.post("/book/hold/", **chip)
    page = browser.post(f"{browser.page.url.path}confirm/", patient=browser.value("patient"), comment=comment)
    assert page.url.path.startswith("/me/visits/"), page.text
    return page.url.path
