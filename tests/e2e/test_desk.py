"""The clinic's own pages in a browser."""

import pytest


@pytest.mark.parametrize(
    ("width", "theme", "clear"), [(1280, "light", False), (390, "dark", False), (1280, "light", True)]
)
@pytest.mark.parametrize("name", ["vera", "rita", "oleg"])
def test_the_desk_passes_axe_and_fits(member, axe, no_sideways, name, width, theme, clear):
    page = member(name, width=width, theme=theme, clear=clear)
    page.goto("/desk/")
    assert page.locator("h1").count() == 1
    no_sideways(page)
    axe(page)


def test_the_clinics_requisites_can_be_read(member, axe, no_sideways):
    page = member("anna", width=390)
    for path in ("/clinics/shore/", "/legal/policy/", "/legal/rules/", "/me/visits/", "/me/data/"):
        answer = page.goto(path)
        assert answer.status == 200, path
        no_sideways(page)
        axe(page)
        page.set_viewport_size({"width": 390, "height": 900})


PLACES = {
    "rita": ["Сегодня", "Сообщения", "Расписания"],
    "alla": ["Сегодня", "Расписания", "Правила записи", "Сообщения"],
    "vera": ["Сегодня"],
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("width", [390, 1280])
def test_on_any_screen_the_places_of_the_clinic_are_one_tap_away(member, axe, no_sideways, name, width):
    page = member(name, width=width)
    page.goto("/desk/")
    for place in PLACES[name]:
        page.get_by_role("link", name=place, exact=True).click()
        assert page.get_by_role("link", name=place, exact=True).get_attribute("aria-current") == "page"
        no_sideways(page)
        axe(page)
        page.set_viewport_size({"width": width, "height": 900})
