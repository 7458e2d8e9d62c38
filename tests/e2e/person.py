"""What a person sees and presses on the pages of booking."""

import re

from tests.cast import EMAILS, next_weekday
from tests.e2e.test_booking import newest_code

DOCTOR = "/doctors/vera/"
SUITS = "button.time:enabled"
CHECK, CODE, DONE = "**/book/*/", "**/sign-in/code/", re.compile(r"/me/visits/[^/]+/\?new=1")
BOOK, MOVE, MORE = re.compile("^Записаться"), re.compile("^Перенести"), re.compile(r"Ещё.10.минут")


def title(page):
    return page.get_by_role("heading", level=1)


def button(page, name):
    return page.get_by_role("button", name=name, exact=isinstance(name, str))


def link(page, name):
    return page.get_by_role("link", name=name, exact=isinstance(name, str))


def on_day(days, path=DOCTOR):
    return f"{path}?day={next_weekday(days).isoformat()}"


def press_a_time(page, path=DOCTOR):
    page.goto(path)
    page.locator(SUITS).first.click()
    page.wait_for_url(CHECK)


def sign_in(page):
    link(page, "Войти и продолжить").click()
    page.fill("#id_contact", EMAILS["anna"])
    button(page, "Получить код").click()
    page.wait_for_url(CODE)
    page.fill("#id_code", newest_code())
    button(page, "Войти").click()
    page.wait_for_url(CHECK)
