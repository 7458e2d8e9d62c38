"""The journey in a browser: from a time to a visit and back, with JavaScript and without, in every version."""

import re

import pytest

from tests.cast import EMAILS, next_weekday

DOCTOR = "/doctors/vera/"


def newest_code():
    """The code that the worker would send: it waits sealed until then."""
    from portal.people.models import OneTimeCode

    return OneTimeCode.objects.order_by("-created_at").first().sealed_code


def sign_in(page):
    page.fill("#id_contact", EMAILS["anna"])
    page.get_by_role("button", name="Получить код").click()
    page.wait_for_url("**/sign-in/code/")
    page.fill("#id_code", newest_code())
    page.locator("main .btn--main").click()


def press_a_time(page):
    page.goto(DOCTOR)
    page.locator("button.time:enabled").first.click()
    page.wait_for_url("**/book/*/")


ALWAYS = [(390, "light", False), (1280, "dark", True)]
FULL = [(w, t, c) for w in (390, 1280) for t in ("light", "dark") for c in (False, True) if (w, t, c) not in ALWAYS]


@pytest.mark.parametrize(
    ("width", "theme", "clear"), [*ALWAYS, *(pytest.param(*one, marks=pytest.mark.soak) for one in FULL)]
)
def test_every_page_of_the_journey_passes_axe_and_fits(browser_page, axe, no_sideways, width, theme, clear):
    page = browser_page(width=width, theme=theme, clear=clear)

    def look():
        no_sideways(page)
        axe(page)
        page.set_viewport_size({"width": width, "height": 900})

    page.goto(DOCTOR)
    look()
    press_a_time(page)
    look()
    page.get_by_role("link", name="Войти и продолжить").click()
    page.wait_for_url(re.compile(r"/sign-in/\?next="))
    look()
    sign_in(page)
    page.wait_for_url("**/book/*/")
    look()
    page.locator("main .btn--main").click()
    page.wait_for_url(re.compile(r"/me/visits/[^/]+/\?new=1"))
    look()
    visit = page.url.split("?")[0]
    for path in ("/me/visits/", "/me/data/", "/me/calendar/", f"{visit}cancel/"):
        page.goto(path)
        look()
    page.get_by_role("button", name="Отменить запись").click()
    page.wait_for_url(visit)
    assert page.locator("h1").inner_text() == "Запись отменена"
    look()


def test_without_javascript_the_whole_journey_works(browser_page):
    page = browser_page(js=False, width=390)
    page.goto("/")
    page.get_by_role("link", name="Врачи").or_(page.locator(".specs a").first).last.click()
    press_a_time(page)
    assert re.search(r"Время за.вами до.\d+:\d\d", page.locator("#hold").inner_text())
    page.get_by_role("link", name="Войти и продолжить").click()
    sign_in(page)
    page.fill("#id_comment", "две недели кашель")
    page.locator("main .btn--main").click()
    assert page.locator("h1").inner_text().startswith("Ждём вас")
    page.get_by_role("link", name="Отменить запись").click()
    page.get_by_role("button", name="Отменить запись").click()
    assert page.locator("h1").inner_text() == "Запись отменена"


def test_a_day_is_chosen_without_leaving_the_page(browser_page):
    page = browser_page()
    page.goto(DOCTOR)
    page.evaluate("window.stayed = true")
    day = page.locator(".days a:not([aria-current])").first
    name = day.get_attribute("id")
    day.click()
    page.wait_for_selector(f"#{name}[aria-current]")
    assert page.evaluate("window.stayed")
    assert "day=" in page.url
    assert page.evaluate("document.activeElement.id") == name


def test_a_change_elsewhere_is_seen_and_nothing_moves_under_the_finger(browser_page):
    page = browser_page()
    waiting = []
    page.route("**/live/slots/**", lambda route: waiting.append(route))  # noqa: PLW0108
    page.goto(f"{DOCTOR}?day={next_weekday(3).isoformat()}")  # late in the day there may be one time left
    second = page.locator("button.time").nth(1)
    place, moment = second.bounding_box(), second.get_attribute("value").split("|")[1]
    hold(moment)
    waiting[0].fulfill(
        body="data: changed\n\n",
        headers={"Content-Type": "text/event-stream", "Access-Control-Allow-Origin": "*"},
    )
    gone = page.locator("button.time:disabled")
    gone.wait_for()
    assert "занято" in gone.get_attribute("aria-label")
    assert gone.bounding_box() == place


def hold(moment):
    """Someone else's browser presses the time."""
    from datetime import datetime
    from uuid import uuid4

    from portal.kernel.access import acting
    from portal.kernel.actor import anonymous
    from portal.people.models import ServiceOffer
    from portal.scheduling import services

    offer = ServiceOffer.objects.filter(role__practitioner__slug="vera").order_by("-service__is_first_choice").first()
    with acting(anonymous()) as trail:
        services.hold_time(
            actor=trail.actor,
            owner=uuid4(),
            role_id=offer.role_id,
            service_id=offer.service_id,
            mode=offer.service.modes[0],
            start=datetime.fromisoformat(moment),
        )


def test_when_the_time_is_up_the_page_offers_the_nearest_ones(browser_page, axe):
    from datetime import timedelta

    from django.db import connection
    from django.utils import timezone

    page = browser_page()
    press_a_time(page)
    moment = timezone.now() - timedelta(seconds=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE scheduling_occupancy SET expires_at = %s WHERE kind = 'hold'", [moment])
    page.evaluate("document.querySelector('#hold').dataset.deadline = new Date(Date.now() - 1000).toISOString()")
    page.locator("#hold .time").first.wait_for()
    assert "больше не за вами" in page.locator("#hold").inner_text()
    axe(page)
    page.locator("#hold .time").first.click()
    page.wait_for_url("**/book/*/")
    assert "осталось" in page.locator("#hold").inner_text()


def test_a_time_that_someone_took_is_said_with_alternatives(browser_page, axe, no_sideways):
    page = browser_page(width=390)
    page.route("**/live/slots/**", lambda route: route.abort())
    page.goto(DOCTOR)
    first = page.locator("button.time:enabled").first
    hold(first.get_attribute("value").split("|")[1])
    first.click()
    page.get_by_role("heading", level=1).get_by_text("Это время только что заняли").wait_for()
    no_sideways(page)
    axe(page)
    page.locator("main button.time").first.click()
    page.wait_for_url("**/book/*/")


def test_leaving_gives_the_time_back(browser_page):
    from portal.scheduling.models import Occupancy

    page = browser_page()
    press_a_time(page)
    assert Occupancy.objects.filter(kind="hold").count() == 1
    page.get_by_role("button", name="Выйти из записи").click()
    page.wait_for_url(re.compile(r"/$"))
    assert not Occupancy.objects.filter(kind="hold").exists()
