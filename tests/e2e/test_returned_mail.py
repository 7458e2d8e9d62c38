"""Pages that say that messages come back: readable at every width, without sideways scrolling, in the clear version."""

import psycopg
import pytest
from django.conf import settings

from tests.cast import uid

OFF = (
    "INSERT INTO people_returningmail (id, key, off_since, delays, seen_at)"
    " SELECT gen_random_uuid(), digest, now(), '{}', now() FROM people_contact WHERE id = %s"
)


@pytest.mark.parametrize(("width", "clear"), [(390, False), (390, True), (1280, False)])
def test_the_persons_pages_say_it_and_offer_to_confirm_again(
    browser_page, client_of, site, database_url, axe, no_sideways, width, clear
):
    with psycopg.connect(database_url("postgres")) as direct:
        direct.execute(OFF, [uid("contact-email-anna")])
    page = browser_page(width=width, clear=clear)
    session = client_of("anna").cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
    page.goto("/me/messages/")
    assert page.get_by_text("возвращаются").is_visible()
    axe(page)
    no_sideways(page)
    with page.expect_navigation():
        page.get_by_role("link", name="Проверить").click()
    axe(page)
    no_sideways(page)
    page.get_by_role("button", name="Подтвердить ещё раз").click()
    assert page.url.endswith("/me/data/contacts/confirm/") or page.get_by_label("Код").is_visible()
