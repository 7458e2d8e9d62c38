"""The MIS's directory → ours: who is who, who is new, who is gone. A bad export is an alarm, not a deletion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models.functions import Now
from django.utils.text import slugify

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.mis.mapping import Mapping
from portal.mis.matching import normal
from portal.mis.models import DirectoryRef, Exchange
from portal.mis.ports import Branch, Directory, Doctor, Service
from portal.mis.russian import latin
from portal.people.models import (
    HealthcareService,
    Location,
    Master,
    Practitioner,
    PractitionerRole,
    ServiceOffer,
    Specialty,
)
from portal.people.models.directory import Mode

SHRANK = "directory-shrank"
DEFAULT_MINUTES = 30


@dataclass
class Report:
    """What a look at the directory did. `unmatched` names things of the MIS, never persons other than doctors."""

    doctors: int = 0
    added: int = 0
    gone: int = 0
    is_alarm: bool = False
    unmatched: list[str] = field(default_factory=list)


@command("Directory.take-over", roles={Role.SYSTEM})
def take_over(
    *, actor: Actor, organization_id: UUID, mapping: Mapping, told: Directory, accepts_loss: bool = False
) -> Report:
    """Everything the MIS lists is matched, or added, or reported; what it lists no more is archived.

    When more than the mapping's share is gone at once, nothing is archived and an alarm stands until someone accepts.
    """
    report, before = Report(doctors=len(told.doctors)), _known_before(organization_id)
    branches = _branches(organization_id, mapping, told.branches, report)
    services = _services(organization_id, told.services)
    for doctor in told.doctors:
        if doctor.is_active:
            _doctor(organization_id, mapping, doctor, branches, services, report)
    listed = [d.ref for d in told.doctors if d.is_active]
    _archive(organization_id, listed, before, 1 if accepts_loss else mapping.largest_loss, report)
    Exchange.objects.filter(organization_id=organization_id).update(directory_at=Now())
    return report


# Branches and services ---------------------------------------------------------------------------------------------


def _branches(organization_id: UUID, mapping: Mapping, told: Sequence[Branch], report: Report) -> dict[str, Location]:
    ours = list(Location.objects.filter(organization_id=organization_id))
    found: dict[str, Location] = {}
    for branch in told:
        slug = mapping.branches.get(branch.ref) or mapping.branches.get(branch.name)
        one = next((o for o in ours if o.slug == slug), None) if slug else _by_name(ours, branch.name)
        _note_ref(organization_id, DirectoryRef.Kind.BRANCH, branch.ref, branch.name, one.pk if one else None)
        if one is None:
            report.unmatched.append(f"branch {branch.name}")
        else:
            found[branch.ref] = one
    return found


def _by_name(ours: Sequence[Location], name: str) -> Location | None:
    return next((one for one in ours if normal(one.name_ru).strip() == normal(name).strip()), None)


def _services(organization_id: UUID, told: Sequence[Service]) -> dict[str, Service]:
    return {service.ref: service for service in told}


def _service(organization_id: UUID, specialty: Specialty, said: Service, doctor_minutes: int) -> HealthcareService:
    """Ours of that name in that specialty, or a new one as the MIS has it. Prices of the MIS are the clinic's."""
    rows = HealthcareService.objects.filter(organization_id=organization_id, specialty=specialty)
    one = next((row for row in rows if normal(row.name_ru).strip() == normal(said.name).strip()), None)
    if one is None:
        one = HealthcareService(
            organization_id=organization_id,
            specialty=specialty,
            slug=_free_slug(HealthcareService, f"{specialty.slug}-{latin(said.name)}"),
            name_ru=said.name,
            name_en=said.name,
            duration_minutes=said.minutes or doctor_minutes,
            price=said.price or 0,
            modes=[Mode.IN_PERSON.value],
            is_first_choice=not rows,
        )
        one.save(force_insert=True)
    _note_ref(organization_id, DirectoryRef.Kind.SERVICE, said.ref, said.name, one.pk)
    return one


# Doctors -----------------------------------------------------------------------------------------------------------


def _doctor(
    organization_id: UUID,
    mapping: Mapping,
    told: Doctor,
    branches: dict[str, Location],
    services: dict[str, Service],
    report: Report,
) -> None:
    place, specialty = branches.get(told.branch_ref), _specialty(mapping, told)
    name = f"{told.family_name} {told.given_name} {told.middle_name}".strip()
    role = _known_role(organization_id, told, place, specialty)
    if role is None and place and specialty and mapping.adds_doctors:
        role = _add(organization_id, told, place, specialty)
        report.added += 1
    _note_ref(organization_id, DirectoryRef.Kind.DOCTOR, told.ref, name, role.pk if role else None)
    if role is None:
        report.unmatched.append(f"doctor {name}, {told.specialty}")
        return
    if not role.is_active:
        role.is_active = True
        role.save(update_fields=["is_active"])
    for said in (services[ref] for ref in told.services if ref in services):
        service = _service(organization_id, role.specialty, said, DEFAULT_MINUTES)
        ServiceOffer.objects.get_or_create(role=role, service=service)


def _specialty(mapping: Mapping, told: Doctor) -> Specialty | None:
    slug = mapping.specialties.get(told.specialty) or mapping.specialties.get(told.specialty_code)
    if slug:
        return Specialty.objects.filter(slug=slug).first()
    if told.specialty_code and (one := Specialty.objects.filter(nsi_code=told.specialty_code).first()):
        return one
    word = normal(told.specialty).strip()
    return next((s for s in Specialty.objects.all() if word in (normal(s.name_ru), normal(s.nsi_name))), None)


def _known_role(
    organization_id: UUID, told: Doctor, place: Location | None, specialty: Specialty | None
) -> PractitionerRole | None:
    """By the ref of before, else by name, place and specialty together."""
    roles = PractitionerRole.objects.filter(organization_id=organization_id).select_related("practitioner", "specialty")
    before = DirectoryRef.objects.filter(organization_id=organization_id, kind="doctor", ref=told.ref, gone_at=None)
    known = before.exclude(object_id=None).first()
    wanted = sorted(normal(f"{told.family_name} {told.given_name} {told.middle_name}").split())
    by_ref = roles.filter(pk__in=[known.object_id] if known and known.object_id else [])
    if place and specialty:  # else the ref is that of another place now
        by_ref = by_ref.filter(location=place, specialty=specialty)
    for role in (*by_ref, *roles.filter(location=place, specialty=specialty)):
        if _words(role.practitioner) == wanted:  # else the ref is somebody else's now
            return role
    return None


def _words(doctor: Practitioner) -> list[str]:
    return sorted(normal(f"{doctor.family_name_ru} {doctor.given_name_ru} {doctor.middle_name_ru}").split())


def _add(organization_id: UUID, told: Doctor, place: Location, specialty: Specialty) -> PractitionerRole:
    """A doctor the portal does not know: published at once, with the MIS as the master of the times."""
    doctor = _same_doctor(organization_id, told) or Practitioner(
        slug=_free_slug(Practitioner, f"{latin(told.given_name)}-{latin(told.family_name)}"),
        family_name_ru=told.family_name,
        given_name_ru=told.given_name,
        middle_name_ru=told.middle_name,
        family_name_en=latin(told.family_name).title(),
        given_name_en=latin(told.given_name).title(),
        practising_since=told.practising_since,
    )
    if doctor._state.adding:
        doctor.save(force_insert=True)
    role = PractitionerRole(
        practitioner=doctor,
        organization_id=organization_id,
        location=place,
        specialty=specialty,
        department=specialty.slug,
        master=Master.MIS,
    )
    role.save(force_insert=True)
    return role


def _same_doctor(organization_id: UUID, told: Doctor) -> Practitioner | None:
    """The same person in another role, by the MIS's own word for the person."""
    wanted = sorted(normal(f"{told.family_name} {told.given_name} {told.middle_name}").split())
    rows = Practitioner.objects.filter(roles__organization_id=organization_id, family_name_ru=told.family_name)
    return next((doctor for doctor in rows.distinct() if _words(doctor) == wanted), None)


# Refs --------------------------------------------------------------------------------------------------------------


def _note_ref(organization_id: UUID, kind: str, ref: str, said: str, object_id: UUID | None) -> None:
    """The meaning of a ref. One that means something else now ends the old meaning: both stay readable."""
    rows = DirectoryRef.objects.filter(organization_id=organization_id, kind=kind, ref=ref, gone_at=None)
    known = rows.first()
    if known is not None and known.object_id in (None, object_id):
        rows.update(object_id=object_id, said=said)
        return
    rows.update(gone_at=Now())
    DirectoryRef(organization_id=organization_id, kind=kind, ref=ref, said=said, object_id=object_id).save(
        force_insert=True
    )


def _known_before(organization_id: UUID) -> set[UUID]:
    """Roles that the MIS listed up to now, and those it forgot while an alarm stood."""
    refs = DirectoryRef.objects.filter(organization_id=organization_id, kind="doctor", object_id__isnull=False)
    ours = PractitionerRole.objects.filter(organization_id=organization_id, is_active=True, master=Master.MIS)
    forgotten = ours.filter(pk__in=refs.values("object_id"))
    live = refs.filter(gone_at=None).values_list("object_id", flat=True)
    return {*forgotten.values_list("pk", flat=True), *(one for one in live if one)}


def _archive(organization_id: UUID, listed: Sequence[str], before: set[UUID], may_go: float, report: Report) -> None:
    """Those who are listed no more are not offered any more; visits at them stay. Never many at once by itself.

    A doctor is gone, not an id: who is listed under another one is there.
    """
    known = DirectoryRef.objects.filter(organization_id=organization_id, kind="doctor", gone_at=None)
    lost = before - set(known.filter(ref__in=list(listed)).values_list("object_id", flat=True))
    report.gone = len(lost)
    if len(lost) > len(before) * may_go:
        report.is_alarm = True
        detail = f"{len(lost)} of {len(before)} doctors are not in the directory of the MIS any more"
        Exchange.objects.filter(organization_id=organization_id).update(trouble=SHRANK, trouble_detail=detail)
        return
    Exchange.objects.filter(organization_id=organization_id, trouble=SHRANK).update(trouble="", trouble_detail="")
    known.exclude(ref__in=list(listed)).update(gone_at=Now())
    PractitionerRole.objects.filter(pk__in=lost, master=Master.MIS).update(is_active=False)


def _free_slug(model: type[Practitioner] | type[HealthcareService], wish: str) -> str:
    base = re.sub(r"-+", "-", slugify(wish))[:40].strip("-") or "new"
    taken = set(model.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    names = [base, *(f"{base}-{n}" for n in range(2, 1000))]
    return next(name for name in names if name not in taken)
