"""The messenger in a real browser: the link that is shown once, the press of "start" at the double, the end."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import expect

from portal.adapters.chat.max import MaxSender
from portal.kernel.ports import override_port
from tests.contracts.processes import http, running

SECRET = "only-for-tests-of-the-hook"


@pytest.fixture(scope="module")
def messenger():
    with running("doubles.max", sockets=("--fd",)) as double:
        yield double


@pytest.fixture
def member(browser_page, client_of, site, messenger):
    """`member("anna", width=390)` on the page of messages, with the real adapter and the messenger's double."""
    messenger.control("reset")
    sender = MaxSender(url=messenger.url, token="demo", hook_secret=SECRET, bot_name="demo_bot", link_url=messenger.url)
    assert sender.keep_hook(f"{site}/hooks/max/")

    def enter(name="anna", **options):
        page = browser_page(**options)
        session = client_of(name).cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
        page.goto("/me/messages/")
        return page

    with override_port("chat", sender):
        yield enter


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def start(page, messenger, dialog):
    """Take a link and press "start" with it in this dialog."""
    button(page, "Подключить MAX").click()
    link = page.locator("code").inner_text()
    messenger.control("press", chat_id=dialog, payload=link.partition("?start=")[2])


def test_a_person_connects_at_the_doubles_page_and_disconnects(member, messenger):
    page = member(width=390)
    button(page, "Подключить MAX").click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Открыть MAX").click()
    opened.value.get_by_role("button", name="Начать").click()
    page.get_by_role("link", name="«Начать» нажато").click()
    button(page, "Отключить MAX").click()
    expect(button(page, "Подключить MAX")).to_be_visible()


def test_without_javascript_it_is_the_same(member, messenger):
    page = member(js=False)
    start(page, messenger, 5)
    page.goto("/me/messages/")
    expect(button(page, "Отключить MAX")).to_be_visible()
    said = {"chat_id": "5", "text": "стоп"}
    http.post(f"{messenger.url}/say", data=said, headers={"Sec-Fetch-Site": "same-origin"})
    page.reload()
    expect(button(page, "Подключить MAX")).to_be_visible()


@pytest.mark.parametrize(("width", "theme", "clear"), [(390, "light", False), (1280, "dark", True)])
def test_each_state_is_told_in_words(member, messenger, axe, no_sideways, width, theme, clear):
    look = {"width": width, "theme": theme, "clear": clear}
    page = member(**look)
    button(page, "Подключить MAX").click()
    expect(page.get_by_text("Ссылка действует один раз")).to_be_visible()
    no_sideways(page)
    axe(page)
    page.goto("/me/messages/")
    start(page, messenger, 5)
    page.goto("/me/messages/")
    expect(page.get_by_text("подключён", exact=True)).to_be_visible()
    no_sideways(page)
    axe(page)
    other = member("boris", **look)
    start(other, messenger, 5)
    other.goto("/me/messages/")
    expect(other.get_by_text("Этот диалог подключён к другому кабинету")).to_be_visible()
    no_sideways(other)
    axe(other)
