"""An address that mail comes back from: off, shown to the person in words, on again by a code from there."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from portal.people import jobs
from portal.people.contacts import parse_address
from portal.people.services.returning_mail import note_returned
from portal.people.tests.conftest import get, post
from tests.cast import EMAILS, PHONES, uid

MAIL = EMAILS["anna"]
OFF = "SELECT off_since IS NOT NULL FROM people_returningmail"
WORDS = f"Письма на {MAIL} возвращаются"


@pytest.fixture
def returned(as_actor):
    """A message sent then came back from this address; whether the address is off now."""

    def note(contact=MAIL, *, for_good=True, sent_at: datetime | None = None):
        with as_actor("job") as trail:
            digest = parse_address(contact).digest
            sent_at = sent_at or timezone.now()
            return note_returned(actor=trail.actor, digest=digest, for_good=for_good, sent_at=sent_at)

    return note


def test_one_refusal_for_good_is_enough(returned, sql):
    assert returned() is True
    assert sql(OFF) == [(True,)]


@pytest.fixture
def hourly(returned, sql):
    """So many hours in which a message came back for now: whether the address was off after each."""
    aged = "UPDATE people_returningmail SET delays = ARRAY(SELECT d - interval '{}' FROM unnest(delays) d)"

    def run(hours, then="1 hour"):
        found = []
        for _ in range(hours):
            found.append(returned(for_good=False))
            sql(aged.format("1 hour"))
        sql(aged.format(then))
        return found

    return run


def test_five_hours_of_a_day_are_needed(hourly):
    assert hourly(5) == [False] * 4 + [True]


def test_a_whole_course_that_comes_back_at_once_counts_once(returned, sql):
    assert {returned(for_good=False) for _ in range(20)} == {False}
    assert sql("SELECT cardinality(delays) FROM people_returningmail") == [(1,)]


def test_those_of_the_day_before_are_forgotten(hourly):
    hourly(4, then="20 hours")
    assert hourly(5) == [False] * 4 + [True]


def test_an_address_once_off_stays_off_however_the_next_report_reads(returned, sql):
    returned()
    before = sql("SELECT off_since FROM people_returningmail")
    assert returned(for_good=False) is True
    assert sql("SELECT off_since FROM people_returningmail") == before


def test_the_person_is_told_in_words_and_confirms_the_address_again(returned, client_of, code_for, sql):
    returned()
    client = client_of("anna")
    page = get(client, "data").content.decode()
    assert WORDS in page and "Подтвердить ещё раз" in page
    post(client, "contact-add", contact=MAIL)
    assert post(client, "contact-confirm", code=code_for(MAIL)).status_code == 302
    assert WORDS not in get(client, "data").content.decode()
    assert sql("SELECT count(*) FROM people_contact WHERE patient_id = %s", uid("anna")) == [(2,)]


def test_a_wrong_code_proves_nothing(returned, client_of, code_for, sql):
    returned()
    client = client_of("anna")
    post(client, "contact-add", contact=MAIL)
    post(client, "contact-confirm", code=f"{(int(code_for(MAIL)) + 1) % 10**6:06d}")
    assert sql(OFF) == [(True,)]


def test_such_an_address_still_signs_in_and_that_proves_it(returned, client_of, code_for, sql):
    returned()
    client = client_of()
    post(client, "sign-in", contact=MAIL)
    post(client, "code", code=code_for(MAIL))
    assert "Annaова" in get(client, "data").content.decode()
    assert sql(OFF) == [(False,)]


def test_a_code_to_the_phone_says_nothing_about_the_mail(returned, client_of, code_for, sql):
    returned()
    client = client_of()
    post(client, "sign-in", contact=PHONES["anna"])
    post(client, "code", code=code_for(PHONES["anna"]))
    assert sql(OFF) == [(True,)]


def test_what_was_sent_before_the_proof_and_comes_back_later_says_nothing(returned, client_of, code_for, sql):
    sent = timezone.now()
    returned()
    client = client_of()
    post(client, "sign-in", contact=MAIL)
    post(client, "code", code=code_for(MAIL))
    assert returned(sent_at=sent) is False
    assert sql(OFF) == [(False,)]
    assert returned(sent_at=timezone.now() + timedelta(seconds=1)) is True


def test_an_address_just_proved_for_the_first_time_is_believed(returned, client_of, code_for, sql):
    sent = timezone.now()
    client = client_of()
    post(client, "sign-in", contact=MAIL)
    post(client, "code", code=code_for(MAIL))
    assert returned(sent_at=sent) is False
    assert sql(OFF) == [(False,)]


def test_the_last_contact_that_works_stays(returned, client_of, sql):
    returned()
    client = client_of("anna")
    assert post(client, "contact-remove", uid("contact-phone-anna")).status_code == 409
    assert post(client, "contact-remove", uid("contact-email-anna")).status_code == 302


def test_another_persons_page_says_nothing_of_it(returned, client_of):
    returned()
    assert WORDS not in get(client_of("boris"), "data").content.decode()


def test_a_removed_contact_is_forgotten(returned, client_of, sql):
    returned()
    post(client_of("anna"), "contact-remove", uid("contact-email-anna"))
    assert sql("SELECT count(*) FROM people_returningmail") == [(0,)]


def test_rows_name_nobody(returned, sql):
    returned()
    ((row,),) = sql("SELECT row_to_json(r)::text FROM people_returningmail r")
    assert "anna" not in row


def test_the_clock_deletes_what_no_report_can_be_about(returned, sql):
    returned(for_good=False)
    returned(PHONES["boris"])
    sql("UPDATE people_returningmail SET seen_at = now() - interval '15 days'")
    jobs.tidy()
    assert sql(OFF) == [(True,)], "an address that is off stays off until a code proves it"
