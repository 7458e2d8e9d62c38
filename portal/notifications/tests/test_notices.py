"""What happens to an account is told to every address of it, the old ones too; a new document, in waking hours."""

from datetime import timedelta
from uuid import uuid4

import pytest

from portal.notifications import jobs
from portal.people.contacts import parse_address
from portal.people.models import OneTimeCode
from portal.people.services import own_data
from portal.people.services.codes import check_code, request_code
from tests.cast import EMAILS, PHONES, uid

NEW = "+79165550101"


@pytest.fixture
def run_jobs(sql):
    """What lies in the queue, as the worker would run it."""

    def run():
        from procrastinate.contrib.django import app

        for name, args in sql(
            "SELECT task_name, args FROM procrastinate_jobs WHERE task_name LIKE 'notif%%' ORDER BY id"
        ):
            if "send_code" not in name:
                app.tasks[name].func(**args)
        sql("DELETE FROM procrastinate_jobs")

    return run


@pytest.fixture
def adds(as_actor):
    def run(contact=NEW):
        with as_actor("anna") as trail:
            row = request_code(
                actor=trail.actor,
                address=parse_address(contact),
                purpose="contact",
                ip="10.0.0.1",
                language="ru",
                user_id=trail.actor.user_id,
            )
            check_code(actor=trail.actor, code_id=row.pk, purpose="contact", code=row.sealed_code)
            return own_data.add_contact(actor=trail.actor, patient_id=uid("anna"), code_id=row.pk).pk

    return run


@pytest.fixture
def removes(as_actor):
    def run(contact_id):
        with as_actor("anna") as trail:
            own_data.remove_contact(actor=trail.actor, patient_id=uid("anna"), contact_id=contact_id)

    return run


def heard(gateways):
    return sorted(m.to for m in (*gateways.sms.sent, *gateways.email.sent))


def test_an_added_contact_is_told_to_the_old_ones_and_the_new_one(gateways, adds, run_jobs):
    adds()
    run_jobs()
    run_jobs()
    assert heard(gateways) == sorted([PHONES["anna"], NEW, EMAILS["anna"]])
    assert all("Это не вы?" in m.text for m in gateways.sms.sent)


def test_a_removed_contact_is_told_of_it_and_of_nothing_else(gateways, removes, run_jobs, booked, sql):
    removes(uid("contact-phone-anna"))
    run_jobs()
    assert heard(gateways) == sorted([PHONES["anna"], EMAILS["anna"]])
    booked()
    run_jobs()
    assert [m.to for m in gateways.sms.sent] == [PHONES["anna"]], "no visit is told to a removed phone"


def test_a_removed_contact_signs_nobody_in_and_can_be_taken_by_its_new_owner(removes, sql, client_of):
    removes(uid("contact-phone-anna"))
    digest = parse_address(PHONES["anna"]).digest
    assert sql("SELECT count(*) FROM people_contact WHERE digest = %s", digest) == [(0,)]
    assert "+7 999 000-00-01" not in client_of("anna").get("/me/data/").content.decode().replace("\u00a0", " ")


def test_a_removed_contact_is_deleted_after_a_day(removes, sql):
    removes(uid("contact-phone-anna"))
    jobs.forget_contacts()
    mine = "SELECT count(*) FROM people_contact WHERE id = %s"
    assert sql(mine, uid("contact-phone-anna")) == [(1,)]
    sql("UPDATE people_contact SET removed_at = now() - interval '25 hours' WHERE removed_at IS NOT NULL")
    jobs.forget_contacts()
    assert sql(mine, uid("contact-phone-anna")) == [(0,)]


def sign_in(client, sql, contact):
    client.post("/sign-in/", {"contact": contact})
    code = OneTimeCode.objects.order_by("-created_at")[0].sealed_code
    return client.post("/sign-in/code/", {"code": code})


def test_a_new_browser_is_told_by_the_other_ways_and_a_known_one_is_not(gateways, client_of, sql, run_jobs):
    browser = client_of()
    assert sign_in(browser, sql, PHONES["anna"]).status_code == 302
    run_jobs()
    assert heard(gateways) == [EMAILS["anna"]], "the phone has just received the code"
    cookie = browser.cookies["portal_known"]
    assert cookie["httponly"] and str(uid("user-anna")) not in cookie.value
    browser.post("/sign-out/")
    sql("DELETE FROM people_onetimecode")
    sign_in(browser, sql, PHONES["anna"])
    run_jobs()
    assert len(heard(gateways)) == 1


def test_another_account_in_a_known_browser_is_new_to_that_account(gateways, client_of, sql, run_jobs):
    browser = client_of()
    sign_in(browser, sql, PHONES["boris"])
    browser.post("/sign-out/")
    sign_in(browser, sql, EMAILS["anna"])
    run_jobs()
    assert heard(gateways) == [PHONES["anna"]]
    assert len(browser.cookies["portal_known"].value.split(".")) == 2


def test_an_address_of_the_calendar_is_told_to_all_contacts_and_made_five_times_a_day_at_most(
    gateways, client_of, run_jobs
):
    browser = client_of("anna")
    assert [browser.post("/me/calendar/link/").status_code for _ in range(6)] == [200] * 5 + [429]
    run_jobs()
    assert heard(gateways) == sorted([PHONES["anna"], EMAILS["anna"]] * 5)
    assert all("календар" in m.text and "Это не вы?" in m.text for m in gateways.sms.sent)


@pytest.mark.parametrize("value", ["", "x" * 4000, "....", "0" * 32, "<script>"])
def test_a_forged_mark_is_no_mark(gateways, client_of, sql, run_jobs, value):
    browser = client_of()
    browser.cookies["portal_known"] = value
    assert sign_in(browser, sql, PHONES["anna"]).status_code == 302
    run_jobs()
    assert heard(gateways) == [EMAILS["anna"]]


def test_security_cannot_be_switched_off(gateways, adds, run_jobs, client_of):
    client_of("anna").post("/me/messages/", {"form": "wishes"})
    adds()
    run_jobs()
    assert len(heard(gateways)) == 3


def test_a_new_document_is_told_once_by_the_way_that_costs_nothing(gateways, sql):
    document = uuid4()
    for _ in range(2):
        jobs.tell_document(document_id=document, patient_id=uid("anna"))
    sql("UPDATE notifications_message SET next_at = now(), due_at = now() WHERE kind = 'document'")
    jobs.deliver()
    (mail,) = gateways.email.sent
    assert gateways.sms.sent == [] and mail.subject == "Новый документ в личном кабинете"
    assert sql("SELECT count(*) FROM notifications_message WHERE kind = 'document'") == [(1,)]


def test_a_childs_document_is_told_to_the_parent_and_to_nobody_without_the_wish(gateways, sql, client_of):
    jobs.tell_document(document_id=uuid4(), patient_id=uid("mila"))
    whose = "SELECT patient_id, recipient_id FROM notifications_message WHERE kind = 'document'"
    assert sql(whose) == [(uid("mila"), uid("anna"))]
    client_of("anna").post("/me/messages/", {"form": "wishes", "on": ["visits:sms"]})
    jobs.tell_document(document_id=uuid4(), patient_id=uid("anna"))
    assert len(sql(whose)) == 1


def test_the_night_is_left_in_peace(sql):
    jobs.tell_document(document_id=uuid4(), patient_id=uid("anna"))
    ((due, hour),) = sql(
        "SELECT due_at - now(), extract(hour FROM due_at AT TIME ZONE 'Europe/Moscow') FROM notifications_message"
    )
    assert 9 <= hour < 21 and due < timedelta(hours=12)


def test_contacts_are_gone_from_every_list_at_once(removes, client_of):
    removes(uid("contact-email-anna"))
    assert EMAILS["anna"] not in client_of("anna").get("/me/data/").content.decode()
