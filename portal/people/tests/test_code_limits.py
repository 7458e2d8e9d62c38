"""How many codes may be asked for: of one contact, browser, account, network, operator's prefix, and of the site."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connections
from django.urls import reverse

from portal.kernel.access import acting
from portal.kernel.actor import anonymous
from portal.people import rates
from portal.people.contacts import parse_address
from portal.people.models import RateWindow
from portal.people.services.code_limits import DAY, HOUR, CodesExhausted, wide_network
from portal.people.services.codes import request_code
from portal.people.tests.conftest import NEW, get, post, problem_at
from tests.cast import EMAILS, PHONES

ANNA, MAIL = PHONES["anna"], EMAILS["anna"]
CODES = "SELECT count(*) FROM people_onetimecode"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def limit(monkeypatch):
    return lambda name, value: monkeypatch.setattr(settings.PORTAL, name, value)


@pytest.fixture
def past(db):
    """`past("code-sms-site", "", HOUR, 50)`: so many on each of the seven days before."""

    def write(kind, who, window, count, days=7):
        key = rates.Limit(kind, who, window).key
        for back in range(1, days + 1):
            RateWindow.objects.create(key=key, window=START - timedelta(days=back), count=count, keep_until=START)

    return write


def phone(n, prefix="999555"):
    return f"+7{prefix[:5]}{n:05}"


def ask(client, contact, **extra):
    return client.post("/sign-in/", {"contact": contact}, **extra)


def asked(client_of, contacts, **extra):
    """The answers to new browsers, one a contact."""
    return [ask(client_of(), contact, **extra).status_code for contact in contacts]


# --- one contact ------------------------------------------------------------------------------------------------------


def test_the_pause_grows_with_each_code_that_nobody_enters(client_of, sql, wait):
    client = client_of()
    for number, (too_early, enough) in enumerate([(58, 3), (118, 3), (298, 3), (298, 3)], start=1):
        ask(client, ANNA)
        wait(f"{too_early} seconds")
        post(client, "code-again")
        assert sql(CODES) == [(number,)]
        wait(f"{enough} seconds")


def test_the_page_counts_the_same_pause_down(client_of, wait):
    client = client_of()
    for pause in (60, 120, 300):
        ask(client, ANNA)
        page = get(client, "code").content.decode()
        assert any(f'data-wait="{seconds}"' in page for seconds in range(pause - 5, pause + 1))
        wait(f"{pause + 1} seconds")


def test_a_code_that_was_entered_ends_the_pause(client_of, code_for, sql):
    for _ in range(3):
        client = client_of()
        assert ask(client, ANNA).status_code == 302
        assert post(client, "code", code=code_for(ANNA))["Location"] == reverse("people:home")
    pauses = "SELECT DISTINCT round(extract(epoch FROM again_at - created_at)) FROM people_onetimecode"
    assert sql(pauses) == [(60,)]


def test_another_browser_waits_and_is_told_how_long(client_of, sql):
    ask(client_of(), ANNA)
    answer = ask(client_of(), ANNA)
    assert answer.status_code == 429
    assert "0:5" in problem_at(answer, "contact") or "1:00" in problem_at(answer, "contact")
    assert sql(CODES) == [(1,)]


def test_a_code_killed_by_wrong_tries_does_not_shorten_the_pause(client_of, code_for, sql):
    client = client_of()
    ask(client, ANNA)
    wrong = f"{(int(code_for(ANNA)) + 1) % 10**6:06d}"
    for _ in range(5):
        post(client, "code", code=wrong)
    assert post(client, "code-again").status_code == 429
    assert sql(CODES) == [(1,)]


@pytest.mark.parametrize("contact", [ANNA, MAIL])
def test_the_sixth_code_of_an_hour_is_refused_beside_the_field(client_of, wait, sql, contact):
    for _ in range(5):
        assert ask(client_of(), contact).status_code == 302
        wait("301 seconds")
    client = client_of()
    answer = ask(client, contact)
    assert answer.status_code == 429 and problem_at(answer, "contact")
    assert sql(CODES) == [(5,)]
    wait("40 minutes")
    assert ask(client, contact).status_code == 302


def test_the_eleventh_code_of_a_day_is_refused(client_of, wait, sql):
    for _ in range(10):
        assert ask(client_of(), ANNA).status_code == 302
        wait("61 minutes")
    assert ask(client_of(), ANNA).status_code == 429
    wait("14 hours")
    assert ask(client_of(), ANNA).status_code == 302


def test_a_contact_code_and_a_sign_in_code_share_the_pause(client_of, sql):
    post(client_of("anna"), "contact-add", contact=NEW)
    assert ask(client_of(), NEW).status_code == 429
    assert sql(CODES) == [(1,)]


# --- who asks ---------------------------------------------------------------------------------------------------------


def test_a_browser_asks_for_five_codes_an_hour(client_of):
    client = client_of()
    answers = [ask(client, phone(n), REMOTE_ADDR=f"10.{n}.0.1").status_code for n in range(6)]
    assert answers == [302] * 5 + [429]


def test_an_account_asks_for_five_codes_an_hour_from_all_its_browsers(client_of):
    answers = [
        client_of("anna").post("/me/data/contacts/", {"contact": f"anna{n}@example.ru"}).status_code for n in range(6)
    ]
    assert answers == [302] * 5 + [429]


def test_a_network_has_a_limit_of_an_hour_and_of_a_day(client_of, limit):
    limit("codes_per_network_hour", 3)
    mails = [f"m{n}@example.ru" for n in range(4)]
    assert asked(client_of, mails) == [302] * 3 + [429]
    limit("codes_per_network_hour", 100)
    limit("codes_per_network_day", 3)
    assert asked(client_of, mails[3:]) == [429]
    assert asked(client_of, mails[3:], REMOTE_ADDR="10.0.0.1") == [302]


def test_all_of_a_network_is_one(client_of, limit):
    limit("codes_per_network_hour", 2)
    hosts = ["203.0.113.1", "203.0.113.77", "203.0.113.200"]
    assert [ask(client_of(), f"m{n}@example.ru", REMOTE_ADDR=ip).status_code for n, ip in enumerate(hosts)] == [
        302, 302, 429,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2ff:aaaa::1", "2001:db8:1:200::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_the_network_of_an_address(ip, network):
    assert wide_network(ip) == network


def test_headers_move_no_limit(client_of, limit):
    limit("codes_per_network_hour", 3)
    names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "True-Client-IP")
    answers = [
        ask(client_of(), f"m{n}@example.ru", headers=dict.fromkeys(names, f"198.51.{n}.7")).status_code
        for n in range(4)
    ]
    assert answers == [302] * 3 + [429]


def test_behind_a_proxy_only_what_it_adds_is_believed(client_of, limit):
    limit("trusted_proxies", 1)
    limit("codes_per_network_hour", 3)
    answers = [
        ask(client_of(), f"m{n}@example.ru", headers={"X-Forwarded-For": f"198.51.{n}.7, 203.0.113.9"}).status_code
        for n in range(4)
    ]
    assert answers == [302] * 3 + [429]


def test_whoever_is_refused_uses_up_nobodys_share(client_of, limit, sql):
    limit("codes_per_network_hour", 1)
    asked(client_of, [phone(n) for n in range(9)])
    assert sql("SELECT max(count) FROM people_ratewindow") == [(1,)]


# --- what an SMS costs ------------------------------------------------------------------------------------------------


def test_a_prefix_gets_thirty_codes_an_hour_and_e_mail_still_works(client_of, limit):
    assert asked(client_of, [phone(n) for n in range(31)]) == [302] * 30 + [429]
    refused = ask(client_of(), phone(31))
    assert "почт" in problem_at(refused, "contact")
    assert asked(client_of, [MAIL, phone(1, "912345")]) == [302, 302]


def test_a_busy_prefix_gets_ten_times_its_usual_hour(client_of, past):
    past("code-sms-prefix", "799955", DAY, 24 * 4)
    assert asked(client_of, [phone(n) for n in range(41)]) == [302] * 40 + [429]


def test_the_site_gets_five_times_its_usual_hour(client_of, limit, past):
    limit("sms_codes_usual", 2)
    assert asked(client_of, [phone(n) for n in range(3)]) == [302] * 2 + [429]
    past("code-sms-site", "", HOUR, 1)
    assert asked(client_of, [phone(n) for n in range(3, 7)]) == [302] * 3 + [429]
    assert asked(client_of, [MAIL]) == [302]


@pytest.mark.parametrize("cap", ["sms_codes_per_hour", "sms_codes_per_day"])
def test_the_caps_hold_however_busy_the_site_has_been(client_of, limit, past, cap):
    past("code-sms-site", "", HOUR, 1000)
    limit(cap, 3)
    assert asked(client_of, [phone(n) for n in range(4)]) == [302] * 3 + [429]


# --- countries --------------------------------------------------------------------------------------------------------

KAZAKH, GERMAN = "+7 701 123-45-67", "+49 1512 3456789"


@pytest.mark.parametrize(
    ("countries", "contact", "status"),
    [
        ("+79", KAZAKH, 422), ("+79,+77", KAZAKH, 302), ("+79,+77", GERMAN, 422), ("+79,+49", GERMAN, 302),
        ("+79,+77", ANNA, 302), ("+77", ANNA, 422), ("+7", "8 495 123-45-67", 422), ("+79", "8 495 123-45-67", 422),
    ],
)  # fmt: skip
def test_codes_go_to_countries_of_the_list_only(client_of, limit, countries, contact, status):
    limit("sms_countries", countries)
    answer = ask(client_of(), contact)
    assert answer.status_code == status
    assert status == 302 or problem_at(answer, "contact")


# --- many at once -----------------------------------------------------------------------------------------------------


def at_once(contacts):
    def attempt(contact):
        try:
            with acting(anonymous()) as trail:
                request_code(
                    actor=trail.actor, address=parse_address(contact), purpose="sign-in", ip="10.0.0.1", language="ru"
                )
            return "made"
        except CodesExhausted:
            return "refused"
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(attempt, contacts))


def test_a_contact_asked_for_forty_times_at_once_gets_one_code(db, sql):
    at_once([ANNA] * 40)
    assert sql(CODES) == [(1,)]


def test_a_limit_holds_for_forty_at_once(db, limit, sql):
    limit("codes_per_network_hour", 7)
    assert at_once([phone(n, f"9{n:02}555") for n in range(10, 50)]) == {"made": 7, "refused": 33}
    assert sql(CODES) == [(7,)]


def test_counters_hold_digests_only(client_of, sql):
    ask(client_of(), ANNA, REMOTE_ADDR="203.0.113.7")
    rows = sql("SELECT r::text FROM people_ratewindow r") + sql("SELECT row_to_json(c)::text FROM people_onetimecode c")
    assert len(rows) == 8
    assert not any(plain in row for (row,) in rows for plain in ("203.0.113", "999000", ANNA))
