"""One clinic beside its MIS, end to end: what is done on one side appears on the other."""

from portal.scheduling.models import DaySheet


def test_the_directory_and_its_times_appear(clinic):
    names = [role.practitioner.family_name_ru for role in clinic.roles]
    assert names == ["Ахметова", "Крылов", "Северин"]
    assert DaySheet.objects.filter(role__in=clinic.roles).exists()


def test_a_booking_is_written_down_there_and_confirmed_here(clinic):
    visit_id = clinic.book()
    assert clinic.visit(visit_id).status == "pending"
    clinic.work()
    visit = clinic.visit(visit_id)
    assert visit.status == "booked"
    (there,) = [one for one in clinic.there() if str(visit_id) in str(one)]
    assert there["status"] == "booked"


def test_a_cancelled_visit_is_free_on_both_sides(clinic):
    visit_id = clinic.book()
    clinic.work()
    clinic.cancel(visit_id)
    clinic.work()
    assert not [one for one in clinic.there() if str(visit_id) in str(one)]
    assert not clinic.sql("SELECT 1 FROM scheduling_occupancy WHERE owner = %s", visit_id)


def test_a_moved_visit_stands_at_its_new_time_on_both_sides(clinic):
    visit_id = clinic.book()
    clinic.work()
    new = clinic.free(n=3)
    clinic.move(visit_id, new)
    assert clinic.visit(visit_id).start != new
    clinic.work()
    assert clinic.visit(visit_id).start == new
    clinic.tend()
    assert clinic.visit(visit_id).start == new


def test_what_the_front_desk_does_appears_here(clinic):
    visit_id = clinic.book()
    clinic.work()
    (ref,) = [row[0] for row in clinic.sql("SELECT ref FROM mis_visitref WHERE appointment_id = %s", visit_id)]
    clinic.desk("move", appointment=ref)
    old = clinic.visit(visit_id).start
    clinic.tend()
    assert clinic.visit(visit_id).start != old
    clinic.desk("cancel", appointment=ref)
    clinic.tend()
    assert clinic.visit(visit_id).status == "cancelled"
