"""Who is found, when they are free, and why not."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from portal.people.models import HealthcareService, Practitioner, Specialty
from portal.scheduling import selectors
from portal.scheduling.models import BookingPolicy, Occupancy, RuleException
from portal.scheduling.selectors_sql import free_slots
from portal.scheduling.tests.conftest import book
from portal.scheduling.tests.test_hold_times import stage
from tests.cast import ZONE, at, uid


def page(client, **query):
    response = client.get(f"/doctors/?{urlencode(query)}")
    assert response.status_code == 200
    return response.content.decode()


def names(client, **query):
    text = page(client, **query)
    return {name for name in ("vera", "gleb", "dina") if f'href="/doctors/{name}/"' in text}


def leave(first, last, kind="vacation", role="vera"):
    stage(
        lambda: RuleException(role_id=uid(f"role-{role}"), kind=kind, first_day=first, last_day=last).save(
            force_insert=True
        )
    )
    from portal.people.models import PractitionerRole
    from portal.scheduling.services.sheets import rewrite_ahead

    stage(lambda: rewrite_ahead(PractitionerRole.objects.select_related("location").get(pk=uid(f"role-{role}"))))


def today():
    return selectors.today_in("Europe/Moscow")


def test_conditions_narrow_down_and_combine(client_of):
    client = client_of()
    assert names(client) == {"vera", "gleb", "dina"}
    assert names(client, specialty="therapist") == {"vera", "gleb"}
    assert names(client, child="on") == {"vera", "gleb"}, "dina sees adults"
    assert names(client, specialty="cardiologist", child="on") == set()
    stage(lambda: HealthcareService.objects.filter(slug="therapist-first").update(payers=["self", "oms"]))
    assert names(client, payer="oms") == {"vera", "gleb"}
    stage(lambda: HealthcareService.objects.filter(slug="cardiologist-first").update(price=9000))
    assert names(client, price="5000") == {"vera", "gleb"}
    stage(lambda: Practitioner.objects.filter(slug="gleb").update(languages=["en"]))
    assert names(client, language="en") == {"gleb"}


def test_a_part_of_the_day_leaves_only_its_hours(client_of):
    text = page(client_of(), specialty="therapist", part="morning")
    assert ">9:00<" in text and ">12:00<" not in text


def test_a_chosen_day_shows_only_that_day(client_of):
    day = at(9).astimezone(ZONE).date()
    text = page(client_of(), specialty="therapist", day=day.isoformat())
    assert f"in-person|{at(9).isoformat()}" in text
    assert f"in-person|{at(9, days=8).isoformat()}" not in text


def test_words_are_understood_with_a_typo_and_said(client_of):
    text = page(client_of(), q="кардеолог")
    assert 'href="/doctors/dina/"' in text and "Показано по запросу «кардиолог»" in text


def test_nothing_found_offers_a_way_on(client_of):
    text = page(client_of(), q="ыъыъ")
    assert "Ничего не нашлось" in text or "не нашл" in text
    assert 'href="/doctors/"' in text


def test_suggestions_are_links(client_of):
    text = client_of().get("/doctors/suggestions/?q=кард").content.decode()
    assert "/doctors/?specialty=cardiologist" in text
    assert client_of().get("/doctors/suggestions/?q=").content.strip() == b""


def test_who_is_away_says_until_when(client_of):
    leave(today(), today() + timedelta(days=80))
    text = page(client_of(), specialty="therapist")
    assert "не принимает" in text


def test_who_is_full_says_when_the_next_day_opens(client_of):
    stage(lambda: BookingPolicy(organization_id=uid("shore"), horizon_days=1).save(force_insert=True))
    leave(today(), today() + timedelta(days=3), role="gleb")
    start = at(0, days=0)
    stage(
        lambda: Occupancy(
            practitioner_id=uid("vera"),
            role_id=uid("role-vera"),
            start=start - timedelta(days=1),
            end=start + timedelta(days=4),
            kind="block",
            owner=uid("block"),
        ).save(force_insert=True)
    )
    text = client_of().get("/doctors/vera/").content.decode()
    assert "всё занято" in text and "Следующий день откроется" in text


def test_a_doctor_without_times_shows_others_who_have_them(client_of):
    leave(today(), today() + timedelta(days=80))
    text = client_of().get("/doctors/vera/").content.decode()
    assert "У кого есть свободное время" in text and 'href="/doctors/gleb/"' in text


def test_outside_the_chosen_hours_the_nearest_is_named(client_of):
    text = page(client_of(), specialty="cardiologist", part="evening")
    assert "В выбранное время не принимает. Ближайшее" in text


def test_any_doctor_is_the_one_with_fewest_visits(client_of, as_actor):
    for hour in (11, 12, 13):
        with as_actor("boris") as trail:
            if hour == 11:
                book(trail, "boris", start=at(hour))
    found = selectors.choices(selectors.Filters(specialty="therapist"))
    order = [choice.role.practitioner.slug for choice in selectors.in_fair_order(found, at(10))]
    assert order == ["gleb", "vera"]


def press_any(client, start, **conditions):
    data = {"specialty": "therapist", "near": "shore-place", "start": f"in-person|{start.isoformat()}"} | conditions
    return client.post("/book/any/", data)


def test_any_doctor_falls_to_the_next_when_the_first_has_lost_the_time(client_of):
    held = {press_any(client_of(), at(10)).status_code for _ in range(2)}
    assert held == {302}
    assert Occupancy.objects.filter(kind="hold", start=at(10)).count() == 2
    assert press_any(client_of(), at(10)).status_code == 409


def test_any_doctor_is_one_of_those_the_conditions_leave(client_of):
    query = {"specialty": "therapist", "language": "en", "price": "5000", "q": "терапевт"}
    stage(lambda: Practitioner.objects.update(languages=["en"]))
    card = page(client_of(), **query).partition("Любой врач")[2]
    for name, value in query.items():
        assert f'type="hidden" name="{name}" value="{value}"' in card
    stage(lambda: Practitioner.objects.filter(slug="gleb").update(languages=["ru"]))
    assert press_any(client_of(), at(10), **query).status_code == 302
    assert press_any(client_of(), at(10), **query).status_code == 409, "the other doctor does not speak it"


@pytest.mark.parametrize("mode", ["in-person", "video"])
def test_the_search_offers_what_can_be_held(client_of, mode):
    """Every time a search gives is one that hold_time takes."""
    choice = selectors.choices(selectors.Filters(practitioner="vera"))[0]
    window = choice.wanted(mode).between(at(0), at(23, days=8))
    slots = free_slots([window], mode=mode)
    assert len(slots) == 32
    for slot in slots[::8]:
        data = {"role": str(slot.role_id), "service": str(slot.service_id), "start": f"{mode}|{slot.start.isoformat()}"}
        assert client_of().post("/book/hold/", data).status_code == 302


def test_public_pages_are_the_same_for_everyone_and_not_sent_twice(client_of):
    one, other = client_of().get("/doctors/vera/"), client_of().get("/doctors/vera/")
    assert one.content == other.content
    assert one["Cache-Control"] == "public, no-cache" and "csrf" not in one.content.decode()
    assert client_of().get("/doctors/vera/", headers={"If-None-Match": one["ETag"]}).status_code == 304
    assert client_of("anna").get("/doctors/vera/")["Cache-Control"] == "private, no-cache"


def test_structured_data_is_json_and_names_the_doctor(client_of):
    import json
    import re

    text = client_of().get("/doctors/vera/").content.decode()
    block = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', text)[1])
    assert (block["@type"], block["name"]) == ("Physician", "Vera Врачvera")
    stage(lambda: Specialty.objects.filter(slug="therapist").update(name_ru="</script><b>"))
    text = client_of().get("/doctors/vera/").content.decode()
    assert "</script><b>" not in text


def test_the_sitemap_lists_public_pages_in_both_languages(client_of):
    text = client_of().get("/sitemap.xml").content.decode()
    for path in ("/doctors/vera/", "/en/doctors/vera/", "/branches/shore-place/", "/doctors/?specialty=therapist"):
        assert f"{path}</loc>" in text
    assert "/me/" not in text
    robots = client_of().get("/robots.txt").content.decode()
    assert "Sitemap: " in robots
    for path in ("/me/", "/en/me/", "/doctors/suggestions/", "/en/doctors/suggestions/"):
        assert f"Disallow: {path}\n" in robots


def test_a_range_of_days_leaves_only_its_times(client_of):
    first, last = at(9, days=8).astimezone(ZONE).date(), at(9, days=9).astimezone(ZONE).date()
    text = page(client_of(), specialty="cardiologist", day=first.isoformat(), until=last.isoformat())
    assert f"in-person|{at(9, days=8).isoformat()}" in text and f"in-person|{at(9, days=9).isoformat()}" in text
    assert f"in-person|{at(9, days=10).isoformat()}" not in text
