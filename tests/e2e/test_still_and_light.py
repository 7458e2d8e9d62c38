"""Nothing moves under a finger; a first page weighs little and asks nobody else."""

import gzip

import pytest
from playwright.sync_api import expect

from tests.e2e.person import DOCTOR, on_day, press_a_time

MOST_PAGE, MOST_SCRIPTS, MOST_SHIFT = 100 * 1024, 40 * 1024, 0.05

# --- still -----------------------------------------------------------------------------------------------------------


SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => {
  if (!one.hadRecentInput) window.shift += one.value;
})).observe({type: "layout-shift", buffered: true});"""
SETTLED = (
    "document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))"
)


PAINTED = """new Promise((done) => new PerformanceObserver((list) => {
  if (list.getEntriesByName("first-contentful-paint").length) done();
}).observe({ type: "paint", buffered: true }))"""


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
    page.evaluate(PAINTED)  # in the letters at hand
    assert late
    page.route("**/*.woff2", lambda route: route.continue_())
    for route in late:
        route.continue_()
    page.wait_for_load_state()
    record_property("figures", f"{shift_of(page):.4f}")
    assert shift_of(page) <= MOST_SHIFT


class SlowDays:
    """The answers about days come when `answer` says so, in its order."""

    def __init__(self, page):
        self.page, self.asked = page, []
        page.goto(on_day(2))
        page.route("**/doctors/vera/**", lambda route: self.asked.append(route))  # noqa: PLW0108
        other = page.locator(".days a:not([aria-current])")
        self.first, self.last = other.evaluate_all("days => days.slice(-2).map(day => day.id)")

    def press(self, *names):
        self.page.evaluate("names => names.forEach(name => document.getElementById(name).click())", names)

    def answer(self, *order):
        for n in order:
            self.request(n).fulfill(response=self.request(n).fetch())

    def request(self, n):
        for _ in range(500):
            if n < len(self.asked):
                return self.asked[n]
            self.page.wait_for_timeout(10)
        pytest.fail(f"asked {len(self.asked)} times only")

    def shows(self, name, not_this):
        expect(self.page.locator(f"#{name}[aria-current]")).to_be_attached()
        expect(self.page.locator(f"#{not_this}[aria-current]")).to_have_count(0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the last answer is late", "the first answer is late"])
def test_of_two_days_pressed_at_once_the_last_is_shown(browser_page, order):
    """By whichever answer comes last, and though the first one would take away the link that asked for the other."""
    days = SlowDays(browser_page(width=390))
    days.press(days.first, days.last)
    days.answer(*order)
    days.shows(days.last, not_this=days.first)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_back_to_the_first_of_two_days_shows_the_first(browser_page, order):
    days = SlowDays(browser_page(width=390))
    days.press(days.first, days.last, days.first)
    days.answer(*order)
    days.shows(days.first, not_this=days.last)


def test_when_the_last_day_cannot_be_reached_the_others_can(browser_page):
    days = SlowDays(browser_page(width=390))
    days.page.evaluate("console.error = () => {}")  # htmx tells that nobody answered
    days.press(days.first, days.last)
    days.request(1).abort()
    days.answer(0)
    days.page.unroute("**/doctors/vera/**")
    days.press(days.first)
    days.shows(days.first, not_this=days.last)


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
