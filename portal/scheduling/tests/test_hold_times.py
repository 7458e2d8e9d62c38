"""Holding one time and several: limits, extension, batches, rooms and devices."""

from datetime import timedelta
from uuid import uuid4

import pytest

from portal.kernel.access import acting
from portal.kernel.actor import Role, system
from portal.kernel.commands import command
from portal.people.models import HealthcareService, PractitionerRole, Resource
from portal.scheduling import services
from portal.scheduling.errors import HoldOver, NotOffered, SlotTaken, TooManyHolds
from portal.scheduling.models import BookingPolicy, Occupancy, ResourceUse
from portal.scheduling.services import Ask, Holder
from portal.scheduling.tests.conftest import press
from tests.cast import at, uid


@command("Test.set", roles={Role.SYSTEM})
def change(*, actor, do):
    """Set the stage: anything a test needs that has no command of its own."""
    return do()


def stage(do):
    with acting(system("test")) as trail:
        return change(actor=trail.actor, do=do)


def hold(who, as_actor, owner=None, **more):
    with as_actor(who) as trail:
        holder = more.pop("holder", None)
        return services.hold_time(actor=trail.actor, owner=owner or uuid4(), holder=holder, **press(**more))


def asks(*pairs):
    """`asks(("vera", 10), ("dina", 11))`"""
    return [
        Ask(p["role_id"], p["service_id"], p["mode"], p["start"])
        for p in (press(doctor, at(hour)) for doctor, hour in pairs)
    ]


def test_a_new_press_lets_the_earlier_time_go(as_actor):
    owner = uuid4()
    hold("anna", as_actor, owner)
    hold("anna", as_actor, owner, start=at(11))
    assert list(Occupancy.objects.filter(kind="hold").values_list("start", flat=True)) == [at(11)]


def test_an_account_holds_no_more_than_its_limit_in_all_its_browsers(as_actor):
    holder = Holder(b"a" * 32, most=2)
    for hour in (9, 10):
        hold("anna", as_actor, start=at(hour), holder=holder)
    with pytest.raises(TooManyHolds):
        hold("anna", as_actor, start=at(11), holder=holder)
    assert Occupancy.objects.filter(kind="hold").count() == 2


def test_a_hold_is_extended_once(as_actor):
    owner = uuid4()
    held = hold("anna", as_actor, owner)
    with as_actor("anna") as trail:
        deadline = services.extend_hold(actor=trail.actor, owner=owner, batch=held.pk)
    assert deadline == held.expires_at + timedelta(minutes=10)
    with pytest.raises(HoldOver), as_actor("anna") as trail:
        services.extend_hold(actor=trail.actor, owner=owner, batch=held.pk)


def test_nobody_extends_the_hold_of_another(as_actor):
    held = hold("anna", as_actor)
    with pytest.raises(HoldOver), as_actor("boris") as trail:
        services.extend_hold(actor=trail.actor, owner=uuid4(), batch=held.pk)


def test_several_times_are_held_together_or_not_at_all(as_actor):
    hold("boris", as_actor, doctor="dina", start=at(11))
    owner = uuid4()
    with pytest.raises(SlotTaken) as lost, as_actor("anna") as trail:
        services.hold_times(actor=trail.actor, owner=owner, asks=asks(("vera", 10), ("dina", 11)))
    assert lost.value.context["ask"].role_id == uid("role-dina")
    assert not Occupancy.objects.filter(owner=owner).exists()
    with as_actor("anna") as trail:
        held = services.hold_times(actor=trail.actor, owner=owner, asks=asks(("vera", 10), ("dina", 12)))
    assert {h.batch for h in held} == {held[0].pk}


def test_two_of_them_that_overlap_are_refused(as_actor):
    with pytest.raises(SlotTaken), as_actor("anna") as trail:
        services.hold_times(actor=trail.actor, owner=uuid4(), asks=asks(("vera", 10), ("vera", 10)))


def test_a_shared_room_is_never_given_twice(as_actor):
    stage(lambda: PractitionerRole.objects.filter(pk=uid("role-gleb")).update(room_id=uid("room-200")))
    stage(lambda: services.sheets.rewrite_ahead(PractitionerRole.objects.get(pk=uid("role-gleb"))))
    hold("anna", as_actor)
    with pytest.raises(SlotTaken):
        hold("boris", as_actor, doctor="gleb")
    assert hold("boris", as_actor, doctor="gleb", mode="video"), "a video visit needs no room"


def test_one_device_serves_one_visit_and_two_serve_two(as_actor):
    def devices(*names):
        HealthcareService.objects.filter(pk=uid("therapist-first")).update(devices=["ecg"])
        for name in names:
            Resource(location_id=uid("place-shore"), kind="device", code="ecg", name=name).save(force_insert=True)

    stage(lambda: devices("1"))
    hold("anna", as_actor)
    with pytest.raises(SlotTaken):
        hold("boris", as_actor, doctor="gleb")
    stage(lambda: devices("2"))
    hold("boris", as_actor, doctor="gleb")
    assert ResourceUse.objects.filter(resource__code="ecg").count() == 2


def test_a_service_whose_device_is_not_at_the_branch_is_not_given(as_actor):
    stage(lambda: HealthcareService.objects.filter(pk=uid("therapist-first")).update(devices=["mri"]))
    with pytest.raises(SlotTaken):
        hold("anna", as_actor)


def test_the_pause_after_a_visit_is_kept_free(as_actor):
    stage(lambda: HealthcareService.objects.filter(pk=uid("therapist-first")).update(buffer_minutes=15))
    hold("anna", as_actor)
    with pytest.raises(SlotTaken):
        hold("boris", as_actor, start=at(10) + timedelta(minutes=30))
    hold("boris", as_actor, start=at(11))


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"horizon_days": 3}, at(10)),
        ({"lead_minutes": 60 * 24 * 9}, at(10)),
    ],
)
def test_patients_book_within_the_policy_and_staff_beyond_it(as_actor, changes, start):
    stage(lambda: BookingPolicy(organization_id=uid("shore"), **changes).save(force_insert=True))
    with pytest.raises(NotOffered):
        hold("anna", as_actor, start=start)
    assert hold("rita", as_actor, start=start)


def test_a_service_booked_by_phone_is_held_by_staff_only(as_actor):
    stage(lambda: HealthcareService.objects.filter(pk=uid("therapist-first")).update(online="view"))
    with pytest.raises(NotOffered):
        hold("anna", as_actor)
    assert hold("rita", as_actor)


def test_a_doctor_may_need_more_time_than_others(as_actor):
    from portal.people.models import ServiceOffer

    stage(lambda: ServiceOffer.objects.filter(role_id=uid("role-vera")).update(own_minutes=60))
    assert hold("anna", as_actor).end == at(11)
    with pytest.raises(SlotTaken):
        hold("boris", as_actor, start=at(10) + timedelta(minutes=30))
