"""Names, phones and numbers pass through the exchange and are left nowhere in plain: tables, jobs, logs, addresses."""

import logging

import httpx
import pytest

from portal.kernel import crypto
from portal.kernel.access import acting
from portal.kernel.actor import Role, system
from portal.kernel.commands import command
from portal.kernel.logs import JsonFormatter
from portal.kernel.system_door import system_door
from portal.mis import exchanging
from portal.people.contacts import parse_address
from portal.people.models import Contact, Patient, PatientIdentifier
from tests.cast import uid
from tests.mis.test_matching_queue import record

OURS = {"family": "Канарейкина", "given": "Кенара", "middle": "Птицевна"}
PHONE, SNILS = "+79161237654", "13579246864"
THEIRS = {"family": "Щегловская", "given": "Чижа"}
CARD, POLICY = "КАРТА-424242", "9988776655443322"
COMMENT = "про зеленую клетку"
CANARIES = [*OURS.values(), *THEIRS.values(), PHONE[1:], PHONE[2:], SNILS, CARD, POLICY, COMMENT]
PERCENT = ["%D0%9A%D0%B0%D0%BD%D0%B0", "%d0%9a%d0%b0%d0%bd%d0%b0", "%2B7916", "1961-03-12"]


def leaks(text):
    low = text.lower()
    return [one for one in CANARIES if one.lower() in low or one.encode().hex() in low]


def leaking_tables(sql):
    """(schema.table, what) of everything stored in plain, by any name of a column; bytes as they are, too."""
    tables = sql(
        "SELECT format('%%I.%%I', table_schema, table_name) FROM information_schema.tables"
        " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    return [
        (table, one)
        for (table,) in tables
        for (row,) in sql(f"SELECT to_jsonb(t)::text FROM {table} AS t")
        for one in leaks(row)
    ]


@pytest.fixture
def canary(clinic):
    """Anna is somebody else: whatever is known of her is a word found nowhere else."""

    @command("Test.canary", roles={Role.SYSTEM})
    def change(*, actor):
        anna = Patient.objects.visible_to(actor).get(pk=uid("anna"))
        anna.family_name, anna.given_name, anna.middle_name = OURS.values()
        anna.save()
        phone = Contact.objects.visible_to(actor).get(patient_id=anna.pk, kind="phone")
        address = parse_address(PHONE)
        phone.value, phone.digest = address.value, address.digest
        phone.save()
        number = PatientIdentifier.objects.visible_to(actor).get(patient_id=anna.pk)
        number.value, number.digest = SNILS, crypto.blind_index(PatientIdentifier.System.SNILS, SNILS)
        number.save()

    with acting(system("test")) as trail:
        system_door("test", [uid("anna")])
        change(actor=trail.actor)
    name = [{"family": THEIRS["family"], "given": [THEIRS["given"]]}]
    return clinic.create(record(name=name, phone=PHONE, card=CARD, policy=POLICY))["id"]


@pytest.fixture
def asked(monkeypatch):
    """Every address that is called, with its headers."""
    seen, send = [], httpx.Client.send

    def noted(self, request, **more):
        seen.append(f"{request.method} {request.url} {dict(request.headers)}")
        return send(self, request, **more)

    monkeypatch.setattr(httpx.Client, "send", noted)
    return seen


def fails_with_a_name(clinic, monkeypatch, operation):
    """An adapter's own mistake whose text quotes a person, once."""
    real, names = getattr(clinic.line.mis, operation), []

    def broken(*args, **more):
        if not names:
            names.append(operation)
            raise RuntimeError(f"{OURS['family']} {PHONE} {SNILS}")
        return real(*args, **more)

    broken.__name__ = operation
    monkeypatch.setattr(clinic.line.mis, operation, broken)
    return names


def everything_happens(clinic, client_of, monkeypatch, theirs):
    """Booked through faults, dead and tried again, refused, moved, matched by a person, cancelled, compared."""
    broken = [fails_with_a_name(clinic, monkeypatch, name) for name in ("find_patients", "create_patient", "book")]
    visit_id = clinic.book()
    clinic.work()
    clinic.sql("UPDATE mis_outgoing SET state = 'dead', attempts = 12, code = 'fault'")
    page = client_of("alla").get("/manage/mis/").content.decode()
    assert f"/desk/visits/{visit_id}" in page and leaks(page) == []
    ((row,),) = clinic.sql("SELECT id FROM mis_outgoing")
    assert client_of("alla").post(f"/manage/mis/out/{row}/replay/").status_code == 302
    clinic.settle()
    assert clinic.visit(visit_id).status == "booked" and all(broken)
    queue = client_of("rita").get("/desk/mis/patients/").content.decode()
    assert {OURS["family"], THEIRS["family"], CARD} <= set(leaks(queue))  # there it belongs
    for mode in ("error:503", "html", "outcome", "wrong-patient", "lost"):
        clinic.double.order(mode, on="any")
        clinic.move(visit_id, clinic.free(n=3))
        clinic.settle()
    slot = clinic.free_slot(clinic.roles[1])
    refused = clinic.book(role=clinic.roles[1], start=slot["at"])
    clinic.desk("book", slot=slot["id"])
    clinic.settle()
    assert clinic.visit(refused).status == "cancelled"
    chosen = {"chosen": theirs}
    assert client_of("rita").post(f"/desk/mis/patients/{uid('anna')}/", chosen).status_code == 302
    clinic.desk("move", appointment=clinic.visit_ref(visit_id))
    clinic.desk("book", patient=theirs, slot=clinic.free_slot(clinic.roles[2], n=20)["id"])
    clinic.tend()
    exchanging.reconcile(clinic.organization)
    clinic.told(visit_id)
    clinic.cancel(visit_id)
    clinic.settle()
    clinic.double.control("down", down=True)
    clinic.tend()
    clinic.double.control("down", down=False)
    clinic.tend()
    page = client_of("rita").get("/manage/mis/").content.decode()
    return page + client_of("rita").get("/manage/mis/drift.csv").content.decode()


def test_the_search_for_canaries_finds_one_in_each_place(clinic, sql):
    assert leaking_tables(sql) == []
    sql("UPDATE mis_exchange SET trouble_detail = %s", f"no {OURS['family']} here")
    sql("UPDATE mis_exchange SET cursor = %s", SNILS.encode().hex())
    assert {("public.mis_exchange", OURS["family"]), ("public.mis_exchange", SNILS)} <= set(leaking_tables(sql))


def test_no_canary_is_left_anywhere(clinic, canary, asked, client_of, monkeypatch, caplog, sql):
    levels = {name: logging.getLogger(name).level for name in ("httpx", "httpcore", "procrastinate")}
    with caplog.at_level(logging.DEBUG):
        for name in levels:
            logging.getLogger(name).setLevel(logging.DEBUG)
        try:
            pages = everything_happens(clinic, client_of, monkeypatch, canary)
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
    assert leaks(pages) == []
    assert leaking_tables(sql) == []
    assert [one for one in asked if leaks(one) or any(code in one for code in PERCENT)] == []
    own = [one for one in caplog.records if not one.name.startswith(("httpcore", "django.db"))]
    assert {"portal.mis.line", "httpx"} <= {one.name for one in own}
    unseen = {"exc_info", "exc_text"}  # of an exception its class and places are written, never its text
    said = ["|".join(str(value) for key, value in one.__dict__.items() if key not in unseen) for one in own]
    assert [text for text in said if leaks(text)] == []
    assert [line for one in caplog.records if leaks(line := JsonFormatter().format(one))] == []
    assert any(one.exc_info for one in own)  # the faults were there


def test_jobs_carry_ids_alone(clinic, canary, sql):
    visit_id = clinic.book()
    clinic.work()
    clinic.cancel(visit_id)
    rows = sql("SELECT args::text FROM procrastinate_jobs")
    assert rows and [text for (text,) in rows if leaks(text)] == []
