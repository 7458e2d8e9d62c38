"""What the clinic's people and the operator see of the exchange."""

from __future__ import annotations

from portal.demo import own_system
from portal.kernel.access import acting
from portal.kernel.actor import system
from portal.people.models import Location
from portal.runway import exchange


def wrong_of(clinic, **more):
    mapping = clinic.mapping.model_copy(update=more)
    return [one.what for one in exchange._of_ours(clinic.organization, mapping) if not one.is_good]


def test_a_branch_that_is_not_exchanged_may_keep_another_time(clinic, sql):
    sql("UPDATE people_organization SET slug = %s, inn = %s WHERE slug = 'shore'", own_system.CLINIC, own_system.INN)
    with acting(system("test")) as trail:
        own_system.look_after(actor=trail.actor)
    sql("UPDATE people_location SET zone = 'Asia/Yekaterinburg' WHERE slug = %s", own_system.SLUG)
    assert wrong_of(clinic) == []
    assert wrong_of(clinic, branches={}) == ["time zone of our branches"]
    assert wrong_of(clinic, branches={"Там": "nowhere"}) == ["branches of the mapping"]


def test_doctors_of_the_system_come_first_and_no_other_can_be_handed_to_it(clinic, client_of):
    page = client_of("alla").get("/manage/mis/").content.decode()
    assert page.index("Ахметова") < page.index("В системе их нет")
    assert page.count('value="portal"') == 3 and 'value="mis"' not in page


def test_whoever_could_be_a_patient_there_stands_under_the_one_of_ours(clinic, client_of):
    clinic.book("boris")
    clinic.work()
    page = client_of("rita").get("/desk/mis/patients/").content.decode()
    assert page.index("На портале") < page.index("В системе, 1") < page.index("Никто из них")


def test_an_older_demo_gets_the_branch_once(clinic, sql):
    sql("UPDATE people_organization SET slug = %s, inn = %s WHERE slug = 'shore'", own_system.CLINIC, own_system.INN)
    for _ in range(2):
        with acting(system("test")) as trail:
            own_system.look_after(actor=trail.actor)
    assert Location.objects.filter(slug=own_system.SLUG).count() == 1


def test_a_clinic_that_is_not_the_demo_gets_nothing_of_the_demo(clinic):
    with acting(system("test")) as trail:
        own_system.look_after(actor=trail.actor)
    assert not Location.objects.filter(slug=own_system.SLUG).exists()


def test_doctors_whom_the_system_does_not_list_are_folded_away(clinic, client_of):
    page = client_of("alla").get("/manage/mis/").content.decode()
    table, _fold, folded = page.partition('<details class="fold">')
    for role in clinic.roles:
        assert role.practitioner.full_name in table and role.practitioner.full_name not in folded
    assert "Ещё 3 врача есть только на портале" in folded and "/schedules/" in folded
