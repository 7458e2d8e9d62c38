"""When codes by SMS stop: wrong codes, a replaced SIM card, numbers that somebody pumps; and what the clock deletes."""

import logging

import pytest

from portal.people import jobs
from portal.people.contacts import parse_address
from portal.people.services import code_limits
from portal.people.services.sms_blocks import note_sim_replaced
from portal.people.tests.conftest import NEW, get, post, problem_at
from tests.cast import EMAILS, PHONES

ANNA, MAIL = PHONES["anna"], EMAILS["anna"]
BLOCKS = "SELECT reason FROM people_smsblock"


@pytest.fixture
def replaced(as_actor):
    def note(contact=ANNA):
        with as_actor("job") as trail:
            note_sim_replaced(actor=trail.actor, digest=parse_address(contact).digest)

    return note


@pytest.fixture
def fail(client_of, code_for, wait):
    """So many wrong codes for a contact, five of them a code, each in a new browser."""

    def run(times, contact=ANNA):
        for first in range(0, times, 5):
            client = client_of()
            post(client, "sign-in", contact=contact)
            wrong = f"{(int(code_for(contact)) + 1) % 10**6:06d}"
            for _ in range(min(5, times - first)):
                answer = post(client, "code", code=wrong)
            wait("301 seconds")
        return answer

    return run


@pytest.fixture
def sent(sql, as_actor):
    """`sent(51, entered=15)`: so many codes of ten minutes ago to numbers +7 999 55…, copied from `example`."""

    def write(count, entered=0, ago="10 minutes", was_sent=True):
        digest = code_limits.prefix_digest("799955")
        with as_actor("job"):
            sealed = parse_address("+79995512345")
        sql(
            "INSERT INTO people_onetimecode (id, purpose, channel, language, destination, destination_digest,"
            " prefix_digest, session_digest, salt, digest, attempts_left, created_at, expires_at, used_at, sent_at)"
            " SELECT gen_random_uuid(), purpose, 'sms', 'ru', destination, destination_digest, %s, '', salt, digest, 5,"
            " now() - %s::interval, now(), CASE WHEN n <= %s THEN now() END, CASE WHEN %s THEN now() END"
            " FROM people_onetimecode, generate_series(1, %s) n WHERE destination_digest = %s",
            digest, ago, entered, was_sent, count, sealed.digest,
        )  # fmt: skip

    return write


@pytest.fixture
def example(client_of, sql):
    """One real code. Its address is encrypted for its own row, so it has to stay the newest of the crowd."""
    post(client_of(), "sign-in", contact="+79995512345")


def alerts(caplog):
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


# --- wrong codes ------------------------------------------------------------------------------------------------------


def test_ten_wrong_codes_of_a_day_lock_sign_in_by_sms(client_of, fail, sql):
    fail(9)
    assert sql(BLOCKS) == []
    assert post(client_of(), "sign-in", contact=ANNA).status_code == 302


def test_the_tenth_wrong_code_says_that_it_is_over(client_of, fail, sql):
    last = fail(10)
    assert last.status_code == 422 and "не действует" in problem_at(last, "code")
    assert sql(BLOCKS) == [("failures",)]
    answer = post(client_of(), "sign-in", contact=ANNA)
    assert answer.status_code == 429
    assert "почт" in problem_at(answer, "contact")


def test_a_locked_phone_leaves_the_e_mail_of_the_same_person(client_of, fail, code_for):
    fail(10)
    client = client_of()
    post(client, "sign-in", contact=MAIL)
    post(client, "code", code=code_for(MAIL))
    assert get(client, "data").status_code == 200


def test_other_phones_of_the_same_operator_are_not_locked(client_of, fail):
    fail(10)
    assert post(client_of(), "sign-in", contact=PHONES["boris"]).status_code == 302


def test_right_codes_are_not_counted_as_wrong(client_of, code_for, sql, wait):
    for _ in range(10):
        client = client_of()
        post(client, "sign-in", contact=ANNA)
        assert post(client, "code", code=code_for(ANNA)).status_code == 302
        wait("61 minutes")
    assert sql(BLOCKS) == []


def test_wrong_codes_of_an_e_mail_lock_nothing(fail, sql):
    fail(10, MAIL)
    assert sql(BLOCKS) == []


def test_the_lock_ends_after_a_day(client_of, fail, sql, wait):
    fail(10)
    hours = "SELECT round(extract(epoch FROM until - now()) / 3600) FROM people_smsblock"
    assert sql(hours) == [(24,)]
    sql("UPDATE people_smsblock SET until = now()")
    wait("24 hours")
    assert post(client_of(), "sign-in", contact=ANNA).status_code == 302


# --- a replaced SIM card ----------------------------------------------------------------------------------------------


def test_a_replaced_sim_card_stops_codes_by_sms_for_a_day(client_of, replaced, sql):
    replaced()
    answer = post(client_of(), "sign-in", contact=ANNA)
    assert answer.status_code == 429 and problem_at(answer, "contact")
    assert post(client_of(), "sign-in", contact=MAIL).status_code == 302
    assert sql("SELECT count(*) FROM people_onetimecode WHERE channel = 'sms'") == [(0,)]


def test_a_code_already_on_its_way_stops_working(client_of, code_for, replaced, sql):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    code = code_for(ANNA)
    replaced()
    assert post(client, "code", code=code).status_code == 422
    assert get(client, "data").status_code == 302
    assert sql("SELECT sealed_code FROM people_onetimecode") == [(None,)]


def test_a_new_phone_is_not_confirmed_with_a_replaced_card_either(client_of, replaced):
    replaced(NEW)
    answer = post(client_of("anna"), "contact-add", contact=NEW)
    assert answer.status_code == 429 and problem_at(answer, "contact")


def test_noting_it_twice_is_noting_it_once(replaced, sql):
    replaced()
    replaced()
    assert sql(BLOCKS) == [("sim-replaced",)]


def test_the_page_does_not_tell_a_stranger_which_of_the_two_it_was(client_of, replaced, fail):
    fail(10, PHONES["boris"])
    replaced()
    problems = {problem_at(post(client_of(), "sign-in", contact=PHONES[who]), "contact") for who in ("anna", "boris")}
    assert len(problems) == 1


def test_nobody_but_the_system_may_say_so(client_of, as_actor):
    from portal.kernel.errors import Forbidden

    with pytest.raises(Forbidden), as_actor("rita") as trail:
        note_sim_replaced(actor=trail.actor, digest=b"x" * 32)


# --- pumping ----------------------------------------------------------------------------------------------------------


def test_codes_that_nobody_enters_stop_their_prefix(client_of, example, sent, sql, caplog):
    sent(51, entered=15)
    jobs.watch_codes()
    assert sql(BLOCKS) == [("pumping",)]
    answer = post(client_of(), "sign-in", contact="+79995599999")
    assert answer.status_code == 429 and "почт" in problem_at(answer, "contact")
    assert post(client_of(), "sign-in", contact=MAIL).status_code == 302
    assert post(client_of(), "sign-in", contact=ANNA).status_code == 302


def test_the_alert_names_the_prefix_and_nobody(example, sent, caplog):
    sent(60, entered=3)
    jobs.watch_codes()
    (alert,) = alerts(caplog)
    assert (alert.prefix, alert.sent, alert.entered) == ("799955", 60, 3)
    assert "12345" not in str(alert.__dict__)


@pytest.mark.parametrize(
    "crowd", [{"count": 50}, {"count": 60, "entered": 18}, {"count": 60, "ago": "2 minutes"},
              {"count": 60, "ago": "70 minutes"}, {"count": 60, "was_sent": False}],
)  # fmt: skip
def test_few_codes_or_fresh_or_old_or_never_sent_ones_prove_nothing(example, sent, sql, caplog, crowd):
    sent(**crowd)
    jobs.watch_codes()
    assert sql(BLOCKS) == [] and not alerts(caplog)


def test_a_stopped_prefix_is_reported_once(example, sent, caplog):
    sent(60)
    jobs.watch_codes()
    jobs.watch_codes()
    assert len(alerts(caplog)) == 1


def test_after_an_hour_the_prefix_is_open_again(client_of, example, sent, sql):
    sent(60)
    jobs.watch_codes()
    assert sql("SELECT round(extract(epoch FROM until - now()) / 60) FROM people_smsblock") == [(60,)]
    sql("UPDATE people_smsblock SET until = now()")
    assert post(client_of(), "sign-in", contact="+79995599999").status_code == 302


def test_a_used_up_site_is_an_alert(client_of, monkeypatch, caplog, settings):
    monkeypatch.setattr(settings.PORTAL, "sms_codes_per_day", 1)
    jobs.watch_codes()
    assert not alerts(caplog)
    post(client_of(), "sign-in", contact=ANNA)
    jobs.watch_codes()
    assert ["used up" in alert.getMessage() for alert in alerts(caplog)] == [True]


# --- what the clock deletes -------------------------------------------------------------------------------------------


def test_old_codes_go_and_those_of_the_day_stay(client_of, sql, wait):
    post(client_of(), "sign-in", contact=ANNA)
    wait("26 hours")
    post(client_of(), "sign-in", contact=PHONES["boris"])
    for _ in range(2):
        jobs.tidy()
        assert sql("SELECT count(*) FROM people_onetimecode") == [(1,)]


def test_counters_go_when_no_limit_looks_at_them(sql):
    sql(
        'INSERT INTO people_ratewindow (key, "window", count, keep_until)'
        " VALUES ('a', now(), 1, now() - '1 second'::interval), ('b', now(), 1, now() + '1 hour'::interval)"
    )
    for _ in range(2):
        jobs.tidy()
        assert sql("SELECT encode(key, 'escape') FROM people_ratewindow") == [("b",)]


def test_counters_of_usual_hours_outlive_their_week_and_others_their_window(client_of, sql, monkeypatch):
    post(client_of(), "sign-in", contact=ANNA)
    kept = sql('SELECT extract(epoch FROM keep_until - "window")::int / 3600 FROM people_ratewindow ORDER BY 1')
    assert [hours for (hours,) in kept] == [1, 1, 1, 24, 24, 170, 193]


def test_blocks_that_are_over_go(replaced, sql):
    replaced()
    jobs.tidy()
    assert sql(BLOCKS) == [("sim-replaced",)]
    sql("UPDATE people_smsblock SET until = now() - interval '1 second'")
    jobs.tidy()
    assert sql(BLOCKS) == []
