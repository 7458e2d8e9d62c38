"""The picker hears of others with the real live process, and asks every 15 seconds without it."""

import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.cast import next_weekday
from tests.e2e.test_booking import hold
from tests.live.process import running_live

SUITS = "button.time:enabled"
SOON = 2000  # milliseconds from the answer there to the line through it here
POLL = 15_500


def day_of(days):
    return f"/doctors/vera/?day={next_weekday(days).isoformat()}"


@pytest.fixture
def live(site, database_url, settings):
    """The process, told that this site may listen; pages are told where it is, and may connect to it."""
    with running_live(database_url("app"), PUBLIC_URL=site) as process:
        address = f"http://127.0.0.1:{process.port}"
        settings.LIVE_URL = address
        policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
        settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": policy | {"connect-src": ["'self'", address]}}
        yield process


def listen(page, path):
    """Open the picker; back when it hears."""
    with page.expect_response("**/live/slots/**") as answer:
        page.goto(path)
    assert answer.value.status == 200


def moment_of(chip):
    return chip.get_attribute("value").split("|")[1]


BOXES = """() => Object.fromEntries([...document.querySelectorAll(".time")].map(
  (time) => [time.id, time.getBoundingClientRect().toJSON()]))"""


def places(page):
    """Of all times at one moment: the page may be redrawn between two looks."""
    return page.evaluate(BOXES)


def asked_by(page):
    """What is asked after this: "doctors" for the picker, "times" for the short answer."""
    asked = []

    def note(request):
        kind = urlsplit(request.url).path.split("/")[1]
        asked.extend({kind} & {"doctors", "times"})

    page.on("request", note)
    return asked


def test_a_time_booked_by_another_is_struck_out_at_once(live, browser_page, member, record_property):
    mine, other = browser_page(), member("boris", width=390)
    listen(mine, day_of(3))
    other.goto(day_of(3))
    chip, before = mine.locator(".time").nth(2), places(mine)
    name = chip.get_attribute("id")
    with other.expect_response("**/book/hold/"):
        other.locator(f'[id="{name}"]').click(no_wait_after=True)
    began = time.monotonic()
    expect(mine.locator(f'[id="{name}"]')).to_be_disabled(timeout=SOON)
    record_property("figures", f"{time.monotonic() - began:.2f} s")
    assert "занято" in mine.locator(f'[id="{name}"]').get_attribute("aria-label")
    assert places(mine) == before
    other.wait_for_url("**/book/*/")
    other.locator("main .btn--main").click()
    other.wait_for_url("**/me/visits/**")
    expect(mine.locator(".time:disabled")).to_have_count(1)


def test_a_time_given_back_comes_back(live, browser_page):
    mine, other = browser_page(), browser_page(width=390)
    listen(mine, day_of(3))
    other.goto(day_of(3))
    name = mine.locator(".time").nth(2).get_attribute("id")
    other.locator(f'[id="{name}"]').click()
    other.wait_for_url("**/book/*/")
    expect(mine.locator(f'[id="{name}"]')).to_be_disabled(timeout=SOON)
    other.get_by_role("button", name="Выйти из записи").click()
    expect(mine.locator(f'[id="{name}"]')).to_be_enabled(timeout=SOON)


def test_news_of_another_day_does_not_load_the_picker(live, browser_page):
    mine, other = browser_page(), browser_page()
    listen(mine, day_of(3))
    other.goto(day_of(4))
    asked = asked_by(mine)
    with mine.expect_response("**/times/**") as answer:
        hold(moment_of(other.locator(SUITS).first))
    answer.value.finished()
    first = mine.locator(SUITS).first
    name = first.get_attribute("id")
    hold(moment_of(first))
    expect(mine.locator(f'[id="{name}"]')).to_be_disabled(timeout=SOON)
    assert asked == ["times", "times", "doctors"]


def test_a_taken_time_is_struck_out_before_the_days_around_it_have_come(live, browser_page):
    page, days = browser_page(), []
    listen(page, day_of(3))
    page.route("**/doctors/vera/**", lambda route: days.append(route))  # noqa: PLW0108
    first = page.locator(SUITS).first
    name = first.get_attribute("id")
    with page.expect_request("**/doctors/vera/**"):
        hold(moment_of(first))
    expect(page.locator(f'[id="{name}"]')).to_be_disabled(timeout=SOON)
    assert "занято" in page.locator(f'[id="{name}"]').get_attribute("aria-label")
    with page.expect_response("**/doctors/vera/**"):
        days[0].continue_()
    expect(page.locator(f'.time:disabled[id="{name}"]')).to_have_count(1)


HEARD = """(later) => {
    let heard = 0;
    const source = new EventSource(document.querySelector("[data-live]").dataset.live);
    source.addEventListener("message", () => setTimeout(() => {
        document.body.dataset.heard = ++heard;
    }, later));
    return new Promise((opened) => source.addEventListener("open", opened, { once: true })).then(() => true);
}"""
TOGETHER = 350  # milliseconds: a little more than the page waits for more news


def test_news_while_the_picker_is_on_its_way_is_not_lost(live, browser_page):
    page = browser_page()
    listen(page, day_of(3))
    page.evaluate(HEARD, TOGETHER)
    first, second = (page.locator(SUITS).nth(n) for n in (0, 1))
    names = [chip.get_attribute("id") for chip in (first, second)]
    starts = [moment_of(chip) for chip in (first, second)]
    held_up = []

    def hold_up(route):
        """Written before the second hold, it reaches the page after the news of it."""
        held_up.append((route, route.fetch()))
        hold(starts[1])

    page.route("**/doctors/vera/**", hold_up, times=1)
    hold(starts[0])
    expect(page.locator("body")).to_have_attribute("data-heard", "2")
    (route, written_before) = held_up[0]
    route.fulfill(response=written_before)
    for name in names:
        expect(page.locator(f'[id="{name}"]')).to_be_disabled(timeout=SOON)


def test_when_the_live_process_dies_the_page_asks_by_itself(live, browser_page):
    page = browser_page()
    page.clock.install()
    listen(page, day_of(3))
    live.process.kill()
    live.process.wait()
    first = page.locator(SUITS).first
    name = first.get_attribute("id")
    hold(moment_of(first))
    until_asked(page)
    expect(page.locator(f'[id="{name}"]')).to_be_disabled()


def test_without_the_live_process_the_page_asks_only_whether_something_changed(browser_page):
    page = browser_page()
    page.clock.install()
    page.route("**/live/slots/**", lambda route: route.abort())
    page.goto(day_of(3))
    asked = asked_by(page)
    until_asked(page)
    until_asked(page)
    assert set(asked) == {"times"}


def until_asked(page):
    """Run the page's clock by 15 seconds; once more when it had not yet heard that nobody answers."""
    asked = []
    page.on("response", lambda answer: asked.append(answer.url) if "/times/" in answer.url else None)
    for _ in range(3):
        page.clock.run_for(POLL)
        if asked:
            return
    page.wait_for_event("response", lambda answer: "/times/" in answer.url, timeout=3000)
