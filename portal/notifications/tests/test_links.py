"""The link of a message: what it shows, what it does, when it ends."""

import re

import pytest

from portal.notifications import jobs
from portal.notifications.tests.conftest import tell
from portal.scheduling.models import Occupancy
from tests.cast import at, uid

START = at(10)


@pytest.fixture
def told(gateways, booked):
    """Anna has booked; the link of the SMS about it."""

    def run(**chip):
        args = booked(**chip)
        tell(args)
        return link_in(gateways.sms.sent[-1].text), args

    return run


def link_in(text):
    return re.search(r"/m/[0-9A-Za-z]{22}/", text)[0]


def visit(sql, args, columns="status"):
    return sql(f"SELECT {columns} FROM scheduling_appointment WHERE id = %s", args["appointment_id"])[0]


def test_it_shows_when_and_where_and_nothing_else(client_of, told):
    link, _ = told()
    page = client_of().get(link)
    text = page.content.decode()
    assert page.status_code == 200 and "10:00" in text and "Речная, 12" in text
    for secret in ("Врач", "Anna", "Терапевт", "терапевт", "2400"):
        assert secret not in text
    assert page["Referrer-Policy"] == "same-origin" and page["X-Robots-Tag"] == "noindex"
    assert "no-store" in page["Cache-Control"]


def test_opening_it_changes_nothing(client_of, told, sql):
    link, args = told()
    for query in ("", "?ask=cancel", "?done=cancel", "?action=cancel", "move/"):
        assert client_of().get(link + query).status_code == 200
    assert visit(sql, args, "status, version, accepted_at") == ("booked", 1, None)


def test_a_visit_is_confirmed_without_signing_in(client_of, told, sql):
    link, args = told()
    client = client_of()
    page = client.post(link, {"action": "accept"}, follow=True).content.decode()
    assert "подтвердили" in page
    assert visit(sql, args, "accepted_at IS NOT NULL") == (True,)
    assert client.post(link, {"action": "accept"}).status_code == 302, "twice is fine"


def test_a_visit_is_cancelled_without_signing_in_and_the_time_is_free(client_of, told, sql, jobs_of):
    link, args = told()
    page = client_of().post(link, {"action": "cancel"}, follow=True).content.decode()
    assert "Запись отменена" in page
    assert visit(sql, args) == ("cancelled",)
    assert not Occupancy.objects.filter(start=START).exists()
    assert jobs_of("tell_cancelled")[0]["by_clinic"] == 0
    again = client_of().post(link, {"action": "cancel"}, follow=True)
    assert "Запись отменена" in again.content.decode()


@pytest.fixture
def jobs_of(sql):
    return lambda name: [
        args for (args,) in sql("SELECT args FROM procrastinate_jobs WHERE task_name LIKE %s", f"%{name}")
    ]


def test_a_visit_is_moved_without_signing_in(client_of, told, sql):
    link, args = told()
    client = client_of()
    assert (
        f'value="in-person|{at(12).isoformat()}"' in client.get(f"{link}move/?day={at(12):%Y-%m-%d}").content.decode()
    )
    done = client.post(f"{link}move/", {"start": f"in-person|{at(12).isoformat()}"}).content.decode()
    assert "Перенесли" in done and "12:00" in done
    assert visit(sql, args, "start, version") == (at(12), 2)
    assert not Occupancy.objects.filter(start=START).exists()


def test_a_taken_time_offers_others_and_keeps_the_old_one(client_of, told, sql, as_actor):
    from portal.scheduling.tests.conftest import book

    link, args = told()
    with as_actor("boris") as trail:
        book(trail, "boris", start=at(12))
    answer = client_of().post(f"{link}move/", {"start": f"in-person|{at(12).isoformat()}"})
    assert answer.status_code == 409 and "только что заняли" in answer.content.decode()
    assert visit(sql, args, "start, version") == (START, 1)


def test_the_link_ends_with_the_version_it_speaks_of(client_of, told, sql):
    link, args = told()
    sql("UPDATE scheduling_appointment SET version = 2 WHERE id = %s", args["appointment_id"])
    page = client_of().get(link)
    assert page.status_code == 409 and "10:00" not in page.content.decode()
    for action in ("accept", "cancel"):
        assert client_of().post(link, {"action": action}).status_code == 409
    assert client_of().post(f"{link}move/", {"start": f"in-person|{at(12).isoformat()}"}).status_code == 409
    assert visit(sql, args, "status, accepted_at") == ("booked", None)


@pytest.mark.parametrize("when", ["removed", "forgotten"])
def test_the_link_ends_with_the_phone_it_was_sent_to(client_of, told, sql, as_actor, when):
    """Removed as own_data does it; a day later the row is gone and the message points at none."""
    link, args = told()
    ((contact,),) = sql(
        "SELECT contact_id FROM notifications_message WHERE channel = 'sms' AND link_digest IS NOT NULL"
    )
    if when == "removed":
        sql("UPDATE people_contact SET verified_at = NULL, removed_at = now() WHERE id = %s", contact)
    else:
        sql("UPDATE notifications_message SET contact_id = NULL WHERE contact_id = %s", contact)
    assert client_of().get(link).status_code == 404
    assert client_of().post(link, {"action": "cancel"}).status_code == 404
    assert visit(sql, args) == ("booked",)


def test_the_link_ends_with_the_visit(client_of, told, sql):
    link, args = told()
    moved = "UPDATE scheduling_appointment SET start = now() - interval '1 h' WHERE id = %s"
    sql(moved, args["appointment_id"])
    assert "наступило" in client_of().get(link).content.decode()
    assert client_of().post(link, {"action": "cancel"}).status_code == 409
    assert visit(sql, args) == ("booked",)


def test_after_the_cut_off_the_clinic_is_called(client_of, told, sql):
    link, args = told()
    sql(
        "INSERT INTO scheduling_bookingpolicy (id, organization_id, lead_minutes, horizon_days, publish_at,"
        " cancel_minutes, is_one_a_day) VALUES (gen_random_uuid(), %s, 30, 56, '08:00', 30000, true)",
        uid("shore"),
    )
    assert "Отменить запись" not in client_of().get(link).content.decode()
    assert client_of().post(link, {"action": "cancel"}).status_code == 409
    assert visit(sql, args) == ("booked",)


@pytest.mark.parametrize("token", ["0" * 22, "x", "ё" * 22, "a" * 500, "..%2f..", "'--"])
def test_a_token_that_leads_nowhere_is_one_and_the_same_404(client_of, told, token):
    told()
    assert client_of().get(f"/m/{token}/").status_code == 404


def test_guessing_is_stopped(client_of, told):
    link, _ = told()
    client = client_of()
    statuses = [client.get(f"/m/{n:022d}/").status_code for n in range(25)]
    assert statuses[:20] == [404] * 20 and statuses[-1] == 429
    assert client.get(link).status_code == 200, "who has a real link is not kept out by the neighbour's guessing"


def test_each_look_is_on_the_trail_and_the_token_nowhere(client_of, told, sql, caplog):
    link, _ = told()
    client_of().get(link)
    events = sql("SELECT patient_id, actor_kind, role FROM guard.audit_event WHERE action = 'link:message' AND opens")
    assert events == [(uid("anna"), "link", "link")]
    token = link.split("/")[2]
    rows = sql("SELECT row_to_json(m)::text FROM notifications_message m")
    assert not any(token in row for (row,) in rows) and token not in caplog.text


def test_whoever_is_signed_in_here_acts_as_the_link_alone(client_of, told, sql):
    """A registrar's or another patient's browser gives the link no more than it has."""
    link, args = told()
    for who in ("rita", "boris", "vera"):
        assert client_of(who).get(link).status_code == 200
    client_of("boris").post(link, {"action": "accept"})
    assert visit(sql, args, "accepted_at IS NOT NULL") == (True,)
    assert client_of("boris").get(f"/me/visits/{args['appointment_id']}/").status_code == 404


def test_a_resent_message_has_the_same_link(gateways, booked, later):
    from portal.kernel.ports import PortFailure

    gateways.sms.fail_with.append(PortFailure(permanent=False, code="unreachable"))
    tell(booked())
    later()
    assert link_in(gateways.sms.sent[0].text)
    assert jobs.post_due() == 0


@pytest.mark.parametrize("data", [{}, {"action": "steal"}, {"action": ""}])
def test_nonsense_is_refused(client_of, told, data):
    link, _ = told()
    assert client_of().post(link, data).status_code == 400
    assert client_of().post(f"{link}move/", {"start": "in-person|tomorrow"}).status_code == 400
    assert client_of().get(f"{link}move/?day=2026-13-45").status_code == 400


def test_the_page_speaks_the_language_of_the_message_unless_the_browser_has_one(client_of, told, sql):
    sql("UPDATE people_patient SET language = 'en'")
    link, _ = told()
    page = client_of().get(link)
    assert "I am coming" in page.content.decode() and page["Content-Language"] == "en"
    sql("UPDATE notifications_message SET language = 'ru'")
    assert "Приду" in client_of().get(link).content.decode()
    browser = client_of()
    browser.cookies["portal_lang"] = "en"
    assert "I am coming" in browser.get(link).content.decode()


def test_the_link_of_somebody_who_represents_the_patient_no_more_is_dead(client_of, told, sql):
    link, _ = told(patient="mila")
    assert client_of().get(link).status_code == 200
    sql("UPDATE people_proxy SET period = tstzrange(lower(period), now())")
    assert client_of().get(link).status_code == 404
    assert client_of().post(link, {"action": "accept"}).status_code == 404
