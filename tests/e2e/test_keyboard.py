"""The whole way by keyboard alone, and where the focus stays."""

import re

from playwright.sync_api import expect

from tests.e2e.person import BOOK, CHECK, CODE, DOCTOR, DONE, SUITS, button, link, on_day
from tests.e2e.test_booking import newest_code

FOCUS = """(target) => {
  const looks = (one) => {
    const style = getComputedStyle(one);
    return [style.outlineStyle, style.outlineWidth, style.boxShadow].join();
  };
  const on = document.activeElement;
  if (on === document.body) return {name: "", isSeen: true, isThere: false};
  const shown = [on, on.closest("label, .find"), on.nextElementSibling].filter(Boolean);
  const place = on.getBoundingClientRect(), focused = shown.map(looks);
  on.blur();
  const plain = shown.map(looks);
  on.focus({preventScroll: true, focusVisible: true});
  const isOnScreen = place.bottom > 0 && place.top < innerHeight;
  const isSeen = isOnScreen && focused.some((look, n) => look !== plain[n]);
  return {name: on.outerHTML.slice(0, 120), isSeen, isThere: on === target};
}"""


class Keys:
    """Tab, Shift+Tab, Enter, Space, arrows and typing; every stop must be seen."""

    def __init__(self, page):
        self.page = page

    def press(self, key):
        self.page.keyboard.press(key)

    def type(self, text):
        self.page.keyboard.type(text)

    def step(self, key="Tab", target=None):
        """The element that has the focus now, "" for none; whether it is `target`."""
        self.press(key)
        stop = (target or self.page.locator("body")).evaluate(FOCUS)
        assert stop["isSeen"], f"the focus cannot be seen on {self.page.url}: {stop['name']}"
        return stop["isThere"] if target else stop["name"]

    def go_to(self, target, most=60):
        """Tab until `target` has the focus."""
        if not any(self.step(target=target) for _ in range(most)):
            raise AssertionError(f"{most} times Tab did not lead to {target}")

    def choose(self, target, key="Enter"):
        self.go_to(target)
        self.press(key)


def test_the_whole_way_by_keyboard_alone(browser_page):
    page = browser_page(width=1280)
    keys = Keys(page)
    page.goto("/")
    keys.go_to(page.get_by_role("searchbox"))
    keys.type("врачvera")
    keys.press("Enter")
    page.wait_for_url("**/doctors/?q=*")
    keys.choose(page.locator("#cards").get_by_role("link", name=re.compile("^Всё свободное время")).first)
    page.wait_for_url(f"**{DOCTOR}*")
    keys.choose(page.locator(SUITS).first, "Space")
    page.wait_for_url(CHECK)
    keys.choose(link(page, "Войти и продолжить"))
    page.wait_for_url("**/sign-in/?next=**")
    for text, address in (("+79123456789", CODE), ("", "**/sign-in/consent/")):
        expect(page.get_by_role("textbox")).to_be_focused()
        keys.type(text or newest_code())
        keys.press("Enter")
        page.wait_for_url(address)
    keys.choose(page.get_by_role("checkbox"), "Space")
    keys.choose(button(page, "Согласиться и продолжить"))
    page.wait_for_url("**/sign-in/new/")
    for name, value in (("family_name", "Незнакомова"), ("given_name", "Нина"), ("birth_date", "01.02.1990")):
        keys.go_to(page.locator(f"#id_{name}"))
        keys.type(value)
    keys.choose(page.get_by_role("radio").first, "Space")
    keys.press("ArrowDown")
    keys.choose(button(page, "Создать кабинет"))
    page.wait_for_url(CHECK)
    keys.choose(button(page, BOOK))
    page.wait_for_url(DONE)


def test_the_focus_stays_on_the_day_and_goes_on_from_there(browser_page):
    page = browser_page(width=1280)
    keys = Keys(page)
    page.goto(on_day(2))
    days = page.locator(".days a:not([aria-current])")
    name = days.last.get_attribute("id")
    keys.choose(page.locator(f"#{name}"))
    expect(page.locator(f"#{name}[aria-current]")).to_be_focused()
    keys.choose(page.locator(SUITS).first, "Space")
    page.wait_for_url(CHECK)


def test_when_the_pressed_link_is_gone_the_focus_goes_to_the_day(browser_page):
    page = browser_page(width=1280)
    keys = Keys(page)
    page.goto(DOCTOR)
    keys.choose(link(page, "Неделя позже"))
    expect(link(page, "Неделя раньше")).to_be_visible()
    expect(link(page, "Неделя позже")).to_be_focused()
    keys.press("Shift+Tab")
    keys.press("Enter")
    expect(link(page, "Неделя раньше")).to_have_count(0)
    expect(page.locator(".days [aria-current]")).to_be_focused()


def test_no_page_traps_the_focus(browser_page):
    page = browser_page(width=1280)
    keys = Keys(page)
    for path in (on_day(2), "/doctors/?specialty=cardiologist"):
        page.goto(path)
        stops = [keys.step()]
        while stops[-1] and len(stops) < 200:
            stops.append(keys.step())
        assert len(stops) < 200, path
        assert [keys.step("Shift+Tab") for _ in range(5)] == stops[-2:-7:-1]


def test_the_skip_link_leads_past_the_bar(browser_page):
    page = browser_page(width=1280)
    keys = Keys(page)
    page.goto("/")
    keys.step()
    expect(link(page, "К содержанию")).to_be_focused()
    expect(link(page, "К содержанию")).to_be_in_viewport()
    keys.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    keys.step()
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_after_an_error_the_focus_is_on_the_field(browser_page):
    page = browser_page(width=1280)
    page.goto("/sign-in/")
    expect(page.locator("#id_contact")).to_be_focused()
    Keys(page).press("Enter")
    expect(page.locator("#id_contact[aria-invalid=true]")).to_be_focused()


def test_after_several_errors_the_focus_is_on_the_summary_that_leads_to_the_fields(browser_page):
    page = browser_page(width=1280)
    keys = Keys(page)
    page.goto("/staff/")
    expect(page.get_by_role("textbox").first).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    keys.step()
    keys.press("Enter")
    expect(page.get_by_role("textbox").first).to_be_focused()
