"""Whole journeys in a browser: how few taps a stranger needs, how patient a visit of one's own is."""

import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.cast import at, next_weekday, uid
from tests.e2e.person import (
    BOOK,
    CHECK,
    CODE,
    DOCTOR,
    DONE,
    MORE,
    MOVE,
    SUITS,
    button,
    link,
    on_day,
    press_a_time,
    title,
)
from tests.e2e.test_booking import newest_code

TO_THIS = re.compile("^Перенести приём на это время")
MOST_TAPS, MOST_SCREENS, MOST_SECONDS = 12, 4, 60

# --- a stranger, by taps ---------------------------------------------------------------------------------------------


class Walk:
    """Somebody nobody knows: counts taps and the screens that come."""

    def __init__(self, page):
        self.page, self.taps, self.paths = page, 0, []
        page.on("framenavigated", lambda frame: self.paths.append(urlsplit(frame.url).path))

    def tap(self, target):
        self.taps += 1
        target.click()

    def make_an_account(self):
        page = self.page
        self.tap(link(page, "Войти и продолжить"))
        page.fill("#id_contact", "8 (912) 345-67-89")
        self.tap(button(page, "Получить код"))
        page.wait_for_url(CODE)
        page.fill("#id_code", newest_code())
        self.tap(button(page, "Войти"))
        self.tap(page.get_by_role("checkbox"))
        self.tap(button(page, "Согласиться и продолжить"))
        for name, value in (("family_name", "Незнакомова"), ("given_name", "Нина"), ("birth_date", "01.02.1990")):
            page.fill(f"#id_{name}", value)
        self.tap(page.get_by_role("radio").first)
        self.tap(button(page, "Создать кабинет"))

    def screens(self):
        """Without the done page and without signing in."""
        return {path for path in self.paths if not path.startswith(("/sign-in/", "/me/"))}


def by_specialty(walk):
    walk.page.goto("/")
    walk.tap(walk.page.locator(".specs").get_by_role("link", name="Терапевт"))


def by_search(walk):
    walk.page.goto("/")
    walk.page.fill("#q", "тирапевт")
    walk.tap(button(walk.page, "Найти"))
    expect(walk.page.get_by_text("Показано по")).to_be_visible()


def by_shared_link(walk):
    walk.page.goto(DOCTOR)


@pytest.mark.parametrize("enter", [by_specialty, by_search, by_shared_link])
def test_a_stranger_books_in_few_taps_and_few_screens(browser_page, enter, record_property):
    page, began = browser_page(width=390), time.monotonic()
    walk = Walk(page)
    enter(walk)
    walk.tap(page.locator(f".doc {SUITS}, #picker {SUITS}").first)
    walk.make_an_account()
    walk.tap(button(page, BOOK))
    page.wait_for_url(DONE)
    expect(title(page)).to_contain_text("Ждём вас")
    record_property("figures", f"{walk.taps} taps, {len(walk.screens())} screens, {time.monotonic() - began:.1f} s")
    assert walk.taps <= MOST_TAPS
    assert len(walk.screens()) <= MOST_SCREENS, walk.screens()
    assert time.monotonic() - began < MOST_SECONDS


# --- a visit of one's own --------------------------------------------------------------------------------------------


def test_a_moved_visit_gives_its_old_time_to_others(member, browser_page):
    page, old = member("anna", width=390), at(15, days=9).isoformat()  # the next of hers is Mila's
    page.goto("/me/visits/")
    link(page, "Перенести").first.click()
    expect(page.locator(f'[id="t-{old}"]')).to_have_count(0)
    page.locator(SUITS).first.click()
    expect(title(page)).to_have_text(TO_THIS)
    button(page, MOVE).click()
    expect(title(page)).to_contain_text("Перенесли: ждём вас")
    expect(page.get_by_text("снова свободно для других")).to_be_visible()
    visitor = browser_page(width=390)
    visitor.goto(on_day(9))
    visitor.locator(f'button[value="in-person|{old}"]').click()
    visitor.wait_for_url(CHECK)


@pytest.fixture
def past_visit(as_actor):
    """Anna was at Vera's a week ago."""
    from portal.kernel.actor import Role
    from portal.kernel.commands import command
    from portal.kernel.system_door import system_door
    from portal.scheduling.models import Appointment

    @command("Test.past", roles={Role.SYSTEM})
    def make(*, actor):
        visit = Appointment.objects.visible_to(actor).get(pk=uid("visit-anna"))
        visit.pk, visit.status, visit.local_date = uid("visit-past"), "fulfilled", next_weekday(-7)
        visit.start, visit.end = at(10, days=-7), at(10, 30, days=-7)
        visit.save(force_insert=True)

    with as_actor("job") as trail:
        system_door("test", [uid("anna")])
        make(actor=trail.actor)


def test_a_past_visit_is_repeated_in_two_taps(past_visit, member):
    page = member("anna", width=390)
    page.goto("/me/visits/")
    button(page, re.compile("^Снова")).click()
    page.wait_for_url(CHECK)
    expect(page.get_by_role("radio", checked=True)).to_have_value(str(uid("anna")))
    button(page, BOOK).click()
    page.wait_for_url(DONE)


# --- ten minutes -----------------------------------------------------------------------------------------------------


def test_a_hold_is_extended_in_place_and_keeps_what_is_typed(member):
    page = member("anna", width=390)
    page.clock.install()
    press_a_time(page)
    expect(page.locator("#hold")).to_contain_text(re.compile(r"осталось.(10:00|9:\d\d)"))
    expect(button(page, MORE)).to_be_hidden()
    page.fill("#id_comment", "две недели кашель")
    page.clock.fast_forward("08:05")
    expect(page.locator("#hold")).to_contain_text(re.compile(r"осталось.1:\d\d"))
    button(page, MORE).press("Enter")
    expect(page.locator("#hold")).to_be_focused()
    expect(page.locator("#hold")).to_contain_text(re.compile(r"осталось.(20:00|19:\d\d)"))
    page.clock.fast_forward("18:30")
    expect(page.locator("#hold")).to_contain_text(re.compile(r"осталось.1:\d\d"))
    expect(button(page, MORE)).to_have_count(0)
    expect(page.locator("#id_comment")).to_have_value("две недели кашель")


def test_when_time_is_up_the_nearest_three_come_and_what_is_typed_stays(member, sql):
    page = member("anna", width=390)
    page.clock.install()
    press_a_time(page)
    page.fill("#id_comment", "две недели кашель")
    sql("UPDATE scheduling_occupancy SET expires_at = now() - interval '1 second' WHERE kind = 'hold'")
    page.clock.fast_forward("10:05")
    expect(page.locator(f"#hold {SUITS}")).to_have_count(3)
    expect(page.locator("#hold")).to_contain_text("больше не за вами")
    expect(page.locator("#id_comment")).to_have_value("две недели кашель")
    page.locator(f"#hold {SUITS}").first.click()
    page.wait_for_url(CHECK)
    expect(button(page, BOOK)).to_be_visible()


# --- axe -------------------------------------------------------------------------------------------------------------


VERSIONS = [(390, "light", False), (1280, "dark", True)]


def look_at(page, axe, no_sideways):
    size = page.viewport_size
    no_sideways(page)
    axe(page)
    page.set_viewport_size(size)


@pytest.mark.parametrize(("width", "theme", "clear"), VERSIONS)
def test_the_rarer_public_pages_pass_axe(browser_page, axe, no_sideways, sql, width, theme, clear):
    sql("DELETE FROM scheduling_daysheet WHERE role_id = %(role)s", role=uid("role-gleb"))
    sql("UPDATE people_healthcareservice SET course_visits = 5")
    page = browser_page(width=width, theme=theme, clear=clear)
    page.goto("/doctors/?specialty=therapist")
    page.get_by_text("Ещё условия").click()
    expect(button(page, "Показать")).to_be_visible()
    look_at(page, axe, no_sideways)
    page.goto("/doctors/gleb/")
    expect(page.get_by_role("heading", name="У кого есть свободное время")).to_be_visible()
    look_at(page, axe, no_sideways)
    page.goto("/services/together/?location=shore-place&service=therapist-first&service=cardiologist-first")
    expect(button(page, re.compile("^Записаться с")).first).to_be_visible()
    look_at(page, axe, no_sideways)
    press_a_time(page)
    link(page, "Записаться на курс приёмов").click()
    expect(page.get_by_role("checkbox")).to_have_count(4)
    look_at(page, axe, no_sideways)


@pytest.mark.parametrize(("width", "theme", "clear"), VERSIONS)
def test_moving_and_the_done_page_pass_axe(member, axe, no_sideways, width, theme, clear):
    page = member("anna", width=width, theme=theme, clear=clear)
    page.goto(f"/me/visits/{uid('visit-anna')}/move/")
    look_at(page, axe, no_sideways)
    page.locator(SUITS).first.click()
    expect(title(page)).to_have_text(TO_THIS)
    look_at(page, axe, no_sideways)
    press_a_time(page, "/doctors/dina/")
    button(page, BOOK).click()
    page.wait_for_url(DONE)
    look_at(page, axe, no_sideways)
