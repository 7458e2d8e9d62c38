"""The clinic's own pages in a browser."""

import pytest
from django.conf import settings


@pytest.fixture
def as_member(browser_page, client_of, site):
    """`as_member("rita", width=390)`: a page signed in as a member of the cast."""

    def enter(name, **options):
        page = browser_page(**options)
        session = client_of(name).cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
        return page

    return enter


@pytest.mark.parametrize(
    ("width", "theme", "clear"), [(1280, "light", False), (390, "dark", False), (1280, "light", True)]
)
@pytest.mark.parametrize("name", ["vera", "rita", "oleg"])
def test_the_desk_passes_axe_and_fits(as_member, axe, no_sideways, name, width, theme, clear):
    page = as_member(name, width=width, theme=theme, clear=clear)
    page.goto("/desk/")
    assert page.locator("h1").count() == 1
    no_sideways(page)
    axe(page)


def test_the_clinics_requisites_can_be_read(as_member, axe, no_sideways):
    page = as_member("anna", width=390)
    for path in ("/clinics/shore/", "/legal/policy/", "/legal/rules/", "/me/visits/", "/me/data/"):
        answer = page.goto(path)
        assert answer.status == 200, path
        no_sideways(page)
        axe(page)
        page.set_viewport_size({"width": 390, "height": 900})
