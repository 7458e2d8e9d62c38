"""Booking, holding, moving and cancelling where no script runs."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.person import BOOK, CHECK, MORE, MOVE, SUITS, button, link, press_a_time, sign_in, title
from tests.e2e.test_booking import hold


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
