"""Whole journeys in a browser: a stranger's, by keyboard, without JavaScript; how still, how light, how patient."""

import gzip
import re
import time
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.cast import EMAILS, at, next_weekday, uid
from tests.e2e.test_booking import hold, newest_code

DOCTOR = "/doctors/vera/"
SUITS = "button.time:enabled"
CHECK, CODE, DONE = "**/book/*/", "**/sign-in/code/", re.compile(r"/me/visits/[^/]+/\?new=1")
BOOK, MOVE, MORE = re.compile("^Записаться"), re.compile("^Перенести"), re.compile(r"Ещё.10.минут")
TO_THIS = re.compile("^Перенести приём на это время")
MOST_TAPS, MOST_SCREENS, MOST_SECONDS = 12, 4, 60
MOST_PAGE, MOST_SCRIPTS, MOST_SHIFT = 100 * 1024, 40 * 1024, 0.05


@pytest.fixture
def sql(database_url):
    """A statement by the superuser: what no page of ours can do."""

    def run(statement, **values):
        with psycopg.connect(database_url("postgres")) as direct:
            direct.execute(statement, values)

    return run


@pytest.fixture
def member(browser_page, client_of, site):
    """`member("anna", width=390)`: a page signed in as a member of the cast."""

    def enter(name, **options):
        page = browser_page(**options)
        session = client_of(name).cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
        return page

    return enter


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


# --- by keyboard -----------------------------------------------------------------------------------------------------

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


# --- without JavaScript ----------------------------------------------------------------------------------------------


def test_without_javascript_a_taken_time_leads_to_another_one(browser_page):
    page = browser_page(js=False, width=390)
    page.goto("/")
    page.locator(".specs").get_by_role("link", name="Терапевт").click()
    link(page, re.compile("^Всё свободное время.*Vera")).click()
    page.locator(".days a:not([aria-current])").last.click()
    day = page.locator(".days [aria-current]").get_attribute("id")
    link(page, "Неделя позже").click()
    expect(page.locator(f"#{day}")).to_have_count(0)
    chosen = page.locator(SUITS).first
    hold(chosen.get_attribute("value").split("|")[1])
    chosen.click()
    expect(title(page)).to_have_text("Это время только что заняли")
    expect(page.locator(f"main {SUITS}")).to_have_count(3)
    page.locator(f"main {SUITS}").first.click()
    sign_in(page)
    button(page, BOOK).click()
    expect(title(page)).to_contain_text("Ждём вас")


def test_without_javascript_a_hold_is_extended_once(browser_page):
    from portal.scheduling.models import Occupancy

    page = browser_page(js=False, width=390)
    press_a_time(page)
    sign_in(page)
    before = Occupancy.objects.get(kind="hold").expires_at
    button(page, MORE).click()
    page.wait_for_url(CHECK)
    after = Occupancy.objects.get(kind="hold").expires_at
    assert (after - before).total_seconds() == pytest.approx(600, abs=30)
    expect(button(page, MORE)).to_have_count(0)


def test_without_javascript_extending_keeps_what_is_typed(member):
    page = member("anna", js=False, width=390)
    press_a_time(page)
    page.fill("#id_comment", "две недели кашель")
    button(page, MORE).click()
    expect(button(page, MORE)).to_have_count(0)
    expect(page.locator("#id_comment")).to_have_value("две недели кашель", timeout=1000)


def test_without_javascript_a_visit_is_moved_and_cancelled(member):
    page = member("anna", js=False, width=390)
    page.goto("/me/visits/")
    link(page, "Перенести").first.click()
    page.locator(".days a:not([aria-current])").last.click()
    page.locator(SUITS).first.click()
    button(page, MOVE).click()
    expect(title(page)).to_contain_text("Перенесли: ждём вас")
    link(page, re.compile("^Отменить запись")).click()
    button(page, "Отменить запись").click()
    expect(title(page)).to_have_text("Запись отменена")


# --- still -----------------------------------------------------------------------------------------------------------

SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => {
  if (!one.hadRecentInput) window.shift += one.value;
})).observe({type: "layout-shift", buffered: true});"""
SETTLED = (
    "document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))"
)


def shift_of(page):
    page.evaluate(SETTLED)
    return page.evaluate("window.shift")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", ["/", "/doctors/?specialty=therapist", DOCTOR])
def test_nothing_moves_when_the_fonts_come_late(browser_page, path, width, record_property):
    page, late = browser_page(width=width), []
    page.add_init_script(SHIFTS)
    page.route("**/*.woff2", lambda route: late.append(route))  # noqa: PLW0108
    page.goto(path, wait_until="commit")
    expect(page.get_by_role("contentinfo")).to_be_visible()
    assert late
    page.route("**/*.woff2", lambda route: route.continue_())
    for route in late:
        route.continue_()
    page.wait_for_load_state()
    record_property("figures", f"{shift_of(page):.4f}")
    assert shift_of(page) <= MOST_SHIFT


@pytest.mark.parametrize("late", [0, 1], ids=["the first answer is late", "the last answer is late"])
def test_of_two_days_pressed_at_once_the_last_is_shown(browser_page, late):
    """By whichever answer comes last, and though the first one takes away the link that asked for the other."""
    page, asked = browser_page(width=390), []
    page.goto(on_day(2))

    def answer(route):
        asked.append((route, route.fetch()))
        if len(asked) == 2:
            for held, written in (asked[1 - late], asked[late]):
                held.fulfill(response=written)

    page.route("**/doctors/vera/**", answer)
    first, last = page.locator(".days a:not([aria-current])").evaluate_all("days => days.slice(-2).map(day => day.id)")
    with page.expect_response(lambda response: last.removeprefix("day-") in response.url):
        page.evaluate("names => names.forEach(name => document.getElementById(name).click())", [first, last])
    expect(page.locator(f"#{last}[aria-current]")).to_be_attached()
    expect(page.locator(f"#{first}[aria-current]")).to_have_count(0)


def test_nothing_moves_while_days_are_switched(browser_page, record_property):
    page = browser_page(width=390)
    page.add_init_script(SHIFTS)
    page.goto(on_day(2))
    place = page.locator(".days").bounding_box()
    for name in page.locator(".days a").evaluate_all("days => days.slice(1).map(day => day.id)"):
        page.evaluate("name => document.getElementById(name).click()", name)  # no person's press: every shift counts
        expect(page.locator(f"#{name}[aria-current]")).to_be_attached()
        assert page.locator(".days").bounding_box() == place
    record_property("figures", f"{shift_of(page):.4f}")
    assert shift_of(page) <= MOST_SHIFT


# --- light -----------------------------------------------------------------------------------------------------------


class Scale:
    """What comes over the wire, as if compressed; nothing may come from elsewhere."""

    def __init__(self, page, site):
        self.page, self.answers, self.asked = page, [], []
        page.context.route("**/live/slots/**", lambda route: route.abort())
        page.context.on("request", lambda request: self.asked.append(request.url))
        page.context.on("response", lambda answer: self.answers.append(answer))  # noqa: PLW0108
        self.site = site

    def weight(self, kind=""):
        found = {answer.url: answer for answer in self.answers if kind in answer.url}
        bodies = {url: answer.body() for url, answer in found.items()}
        return sum(len(body) if url.endswith("woff2") else len(gzip.compress(body)) for url, body in bodies.items())

    def strangers(self):
        return [url for url in self.asked if not url.startswith(f"{self.site}/") and "/live/slots/" not in url]


@pytest.mark.parametrize("path", ["/", "/doctors/?specialty=therapist", DOCTOR])
def test_a_first_page_weighs_little_and_asks_nobody_else(browser_page, site, path, record_property):
    page = browser_page(width=390)
    scale = Scale(page, site)
    page.goto(path)
    page.wait_for_load_state("networkidle")
    record_property("figures", f"{scale.weight() / 1024:.1f} KB")
    assert scale.weight() <= MOST_PAGE
    assert any(url.endswith("woff2") for url in scale.asked)
    assert not scale.strangers()


def test_the_scripts_of_booking_weigh_little(browser_page, site, record_property):
    page = browser_page(width=390)
    scale = Scale(page, site)
    press_a_time(page)
    page.wait_for_load_state("networkidle")
    record_property("figures", f"{scale.weight('.js') / 1024:.1f} KB")
    assert 0 < scale.weight(".js") <= MOST_SCRIPTS
    assert not scale.strangers()


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
