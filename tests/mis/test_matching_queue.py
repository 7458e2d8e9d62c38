"""Who is this patient in the clinic's own system: the ladder, the queue of the reception, one record a person."""

from types import SimpleNamespace

import pytest

from portal.kernel import crypto
from portal.kernel.access import acting
from portal.kernel.actor import Role, system
from portal.kernel.commands import command
from portal.kernel.system_door import system_door
from portal.mis import exchanging, jobs_out
from portal.mis.models import PatientRef
from portal.people.models import PatientAtOrganization, PatientIdentifier
from tests.cast import PHONES, SNILS, uid

POLICY = "7700000000000007"
MIS_SNILS = "urn:oid:1.2.643.100.3"
MIS_CARD = "urn:oid:1.2.643.5.1.13.2.7.100.5"
MIS_POLICY = "urn:oid:1.2.643.2.69.1.1.1.6.228"
ANNA = {"name": [{"family": "Annaова", "given": ["Anna"]}], "birthDate": "1961-03-12"}
STRANGER = {"name": [{"family": "Иная", "given": ["Ида"]}], "birthDate": "1990-01-01"}


def record(**more):
    body = {"resourceType": "Patient", "active": True, "gender": "female", **STRANGER, **more}
    numbers = [{"system": MIS_CARD, "value": body.pop("card", "К-7000")}]
    for system_, name in ((MIS_SNILS, "snils"), (MIS_POLICY, "policy")):
        if value := body.pop(name, ""):
            numbers.append({"system": system_, "value": value})
    phone = body.pop("phone", "")
    return body | {"identifier": numbers, "telecom": [{"system": "phone", "value": phone}] if phone else []}


def only(clinic, *records):
    """The MIS knows these alone of all who are like Anna; their refs."""
    for one in clinic.all_of("Patient"):
        if one["birthDate"] == ANNA["birthDate"]:
            clinic.rewrite(one, active=False)
    return [clinic.create(one)["id"] for one in records]


def match_of(who="anna"):
    with acting(system("test")) as trail:
        system_door("test", [uid(who)])
        row = PatientRef.objects.visible_to(trail.actor).get(patient_id=uid(who), organization_id=uid("shore"))
        return SimpleNamespace(ref=row.ref, state=row.state, by=row.by, candidates=row.candidates)


def card_of(clinic_slug, who="anna"):
    with acting(system("test")) as trail:
        system_door("test", [uid(who)])
        rows = PatientAtOrganization.objects.visible_to(trail.actor).filter(patient_id=uid(who))
        return rows.get(organization_id=uid(clinic_slug)).card_number


def has_policy(who="anna"):
    @command("Test.policy", roles={Role.SYSTEM})
    def give(*, actor):
        digest = crypto.blind_index(PatientIdentifier.System.POLICY, POLICY)
        row = PatientIdentifier(patient_id=uid(who), system=PatientIdentifier.System.POLICY, value=POLICY)
        row.digest = digest
        row.save(force_insert=True)

    with acting(system("test")) as trail:
        system_door("test", [uid(who)])
        give(actor=trail.actor)


def made_by_us(clinic, who="anna"):
    asked = f"urn:portal:patient|{uid(who)}"
    return [one["id"] for one in clinic.all_of("Patient", identifier=asked)]


# The ladder --------------------------------------------------------------------------------------------------------


def test_an_equal_snils_is_enough(clinic):
    (ref,) = only(clinic, record(snils=SNILS, birthDate=ANNA["birthDate"], card="К-9001"))
    clinic.stands()
    found = match_of()
    assert (found.ref, found.state, found.by) == (ref, "verified", "snils")
    assert made_by_us(clinic) == []
    assert card_of("shore") == "К-9001"


def test_an_equal_policy_is_enough_where_no_snils_is_told(clinic):
    has_policy()
    (ref,) = only(clinic, record(policy=POLICY, **ANNA))
    clinic.stands()
    found = match_of()
    assert (found.ref, found.state, found.by) == (ref, "verified", "policy")


def test_snils_comes_before_policy(clinic):
    has_policy()
    by_snils, _by_policy = only(clinic, record(snils=SNILS, **ANNA), record(policy=POLICY, **ANNA, card="К-7001"))
    clinic.stands()
    assert (match_of().ref, match_of().by) == (by_snils, "snils")


def test_name_birth_date_and_phone_together_are_enough(clinic):
    (ref,) = only(clinic, record(phone=PHONES["anna"], **ANNA))
    clinic.stands()
    found = match_of()
    assert (found.ref, found.state, found.by) == (ref, "verified", "person")


@pytest.mark.parametrize(
    "like",
    [
        {"phone": PHONES["anna"]},
        {"phone": PHONES["anna"], "name": ANNA["name"]},
        ANNA,
        {"phone": PHONES["anna"], **ANNA, "snils": "12312312344"},
        {"snils": SNILS},
    ],
    ids=["phone", "phone and name", "name and birth date", "another snils", "snils of another name and birth date"],
)
def test_less_than_that_links_nobody_and_somebody_has_to_look(clinic, like):
    (ref,) = only(clinic, record(**like))
    clinic.stands()
    found = match_of()
    assert (found.state, found.by) == ("unverified", "created")
    assert [found.ref] == made_by_us(clinic) and found.ref != ref
    assert [one["ref"] for one in found.candidates] == [ref]


def test_two_with_one_snils_are_a_question(clinic):
    refs = only(clinic, record(snils=SNILS, **ANNA), record(snils=SNILS, **ANNA, card="К-7001"))
    clinic.stands()
    found = match_of()
    assert found.state == "unverified"
    assert sorted(one["ref"] for one in found.candidates) == sorted(refs)


def test_nobody_like_it_makes_a_record_that_is_surely_theirs(clinic):
    clinic.stands("zoya")
    found = match_of("zoya")
    assert (found.state, found.by, found.candidates) == ("verified", "created", None)


def test_two_visits_that_cross_at_once_make_one_record(clinic):
    visits = [clinic.book("zoya", role=role, start=clinic.free(role, n=20 * n)) for n, role in enumerate(clinic.roles)]
    clinic.sql("DELETE FROM procrastinate_jobs")
    with acting(system("test")) as trail:
        for visit_id in visits:
            jobs_out.outbox.cause(actor=trail.actor, organization_id=clinic.organization.pk, appointment_id=visit_id)
    clinic.double.order("slow:0.4", on="search", times=3)  # long enough for the others to come too
    assert jobs_out.post_due() == 3
    clinic.settle()
    assert [clinic.visit(one, "zoya").status for one in visits] == ["booked"] * 3
    assert len(made_by_us(clinic, "zoya")) == 1
    assert len({one["patient"] for one in clinic.there() if any(str(v) in str(one["identifier"]) for v in visits)}) == 1


def test_a_record_that_is_another_patients_of_ours_already_links_nobody(clinic):
    (ref,) = only(clinic, record(snils=SNILS, **ANNA))
    clinic.stands("anna")
    clinic.rewrite(
        clinic.resource("Patient", ref),
        telecom=[{"system": "phone", "value": PHONES["zoya"]}],
        name=[{"family": "Zoyaова", "given": ["Zoya"]}],
        birthDate="1970-01-01",
    )
    clinic.stands("zoya", role=clinic.roles[1])
    found = match_of("zoya")
    assert (found.state, [one["ref"] for one in found.candidates]) == ("unverified", [ref])
    assert match_of("anna").ref == ref


# The queue of the reception ----------------------------------------------------------------------------------------

QUEUE = "/desk/mis/patients/"


def asked(clinic):
    """Anna waits in the queue; the ref of whom it could be."""
    (ref,) = only(clinic, record(phone=PHONES["anna"], card="К-9002"))
    visit_id, _ref = clinic.stands()
    return ref, visit_id


def settle(client, chosen):
    return client.post(f"{QUEUE}{uid('anna')}/", {"chosen": chosen})


def test_the_reception_sees_them_side_by_side(clinic, client_of):
    asked(clinic)
    page = client_of("rita").get(QUEUE).content.decode()
    assert "Annaова" in page and "Иная Ида" in page and "К-9002" in page
    assert page.index("Annaова") < page.index("Иная Ида")


def test_another_clinics_reception_sees_nobody_and_settles_nothing(clinic, client_of):
    ref, _visit = asked(clinic)
    page = client_of("foma").get(QUEUE).content.decode()
    assert "Annaова" not in page and "Иная" not in page
    assert settle(client_of("foma"), ref).status_code == 404
    assert match_of().state == "unverified"


def test_the_one_who_is_chosen_is_theirs_with_the_card_of_this_clinic_alone(clinic, client_of, sql):
    sql(
        "INSERT INTO people_patientatorganization (id, patient_id, organization_id, since)"
        " VALUES (gen_random_uuid(), %s, %s, now())",
        uid("anna"), uid("far"),
    )  # fmt: skip
    ref, _visit = asked(clinic)
    assert settle(client_of("rita"), ref).status_code == 302
    found = match_of()
    assert (found.ref, found.state, found.by, found.candidates) == (ref, "verified", "staff", None)
    assert (card_of("shore"), card_of("far")) == ("К-9002", None)
    assert "Иная" not in client_of("rita").get(QUEUE).content.decode()


@pytest.mark.parametrize(("is_one", "said"), [(True, "тот же человек"), (False, "никто из них")])
def test_what_was_written_down_is_said_once(clinic, client_of, is_one, said):
    ref, _visit = asked(clinic)
    desk = client_of("rita")
    settle(desk, ref if is_one else "")
    assert f"Записано: {'это ' if is_one else ''}{said}" in desk.get(QUEUE).content.decode()
    assert "Записано" not in desk.get(QUEUE).content.decode()


def test_none_of_them_leaves_the_record_that_was_made(clinic, client_of):
    ref, _visit = asked(clinic)
    assert settle(client_of("rita"), "").status_code == 302
    found = match_of()
    assert [found.ref] == made_by_us(clinic) and found.ref != ref
    assert (found.state, found.by) == ("verified", "staff")


def test_what_somebody_has_settled_is_not_settled_again(clinic, client_of):
    ref, _visit = asked(clinic)
    assert settle(client_of("rita"), "").status_code == 302
    assert settle(client_of("rita"), ref).status_code == 409
    assert [match_of().ref] == made_by_us(clinic)


def test_somebody_who_was_no_candidate_cannot_be_chosen(clinic, client_of):
    asked(clinic)
    (other,) = [one["id"] for one in clinic.all_of("Patient") if one["name"][0]["family"] == "Горин"]
    assert settle(client_of("rita"), other).status_code == 409
    assert match_of().state == "unverified"


def test_what_stands_there_is_shown_when_it_is_verified_and_not_before(clinic, client_of):
    ref, _visit = asked(clinic)
    slot = clinic.free_slot(clinic.roles[1], n=6)
    made = clinic.desk("book", patient=ref, slot=slot["id"])
    clinic.tend()
    exchanging.reconcile(clinic.organization)
    here = "SELECT 1 FROM mis_visitref WHERE ref = %s"
    assert clinic.sql(here, made["id"]) == []
    settle(client_of("rita"), ref)
    exchanging.reconcile(clinic.organization)
    assert len(clinic.sql(here, made["id"])) == 1


@pytest.mark.parametrize("act", ["move", "cancel"])
def test_the_desk_goes_on_with_a_visit_that_was_written_down_before_it_was_known_who_it_is(clinic, client_of, act):
    ref, visit_id = asked(clinic)
    old = clinic.visit(visit_id).start
    settle(client_of("rita"), ref)
    clinic.desk(act, appointment=clinic.visit_ref(visit_id))
    clinic.tend()
    visit = clinic.visit(visit_id)
    assert (visit.status == "cancelled", visit.start != old) == (act == "cancel", act == "move")
    assert clinic.sql("SELECT kind FROM mis_drift WHERE settled_at IS NULL") == []


def test_the_patient_moves_such_a_visit_and_it_is_under_the_right_record_then(clinic, client_of):
    ref, visit_id = asked(clinic)
    settle(client_of("rita"), ref)
    new = clinic.free(n=5)
    clinic.move(visit_id, new)
    clinic.settle()
    clinic.tend()
    assert (clinic.visit(visit_id).start, clinic.visit(visit_id).status) == (new, "booked")
    (there,) = [one for one in clinic.there() if str(visit_id) in str(one["identifier"])]
    assert there["patient"] == f"Patient/{ref}"


@pytest.mark.parametrize(("who", "status"), [("anna", 403), ("alla", 403), ("vera", 403), ("visitor", 302)])
def test_only_the_reception_settles(clinic, client_of, who, status):
    ref, _visit = asked(clinic)
    assert settle(client_of(who), ref).status_code == status
    assert match_of().state == "unverified"
