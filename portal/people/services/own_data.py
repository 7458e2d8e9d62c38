"""What a person changes about themselves: names, contacts, open sessions."""

from __future__ import annotations

from datetime import timedelta
from secrets import token_bytes
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from portal.kernel.access import open_door
from portal.kernel.actor import STAFF_ROLES, Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.outbox import emit
from portal.people.compartment import own_patients
from portal.people.contacts import Address
from portal.people.models import Contact, OneTimeCode, Patient, Session
from portal.people.selectors import addresses_off
from portal.people.services.register import PersonData
from portal.people.services.returning_mail import forget_address

KEPT = timedelta(days=1)


class LastContact(Conflict):
    title = _("This is the only way to reach you")
    text = _("Add and confirm another phone or e-mail first, then remove this one.")


class ContactInUse(Conflict):
    title = _("This contact is confirmed by someone else")
    text = _("A phone or an e-mail belongs to one account. If it is yours, call the clinic.")


@command("Patient.update", roles={Role.PATIENT})
def update_person(*, actor: Actor, patient_id: UUID, version: int, person: PersonData) -> Patient:
    """Change names, birth date, sex. `Conflict` when the page was older than the data (optimistic version)."""
    open_door(actor, [patient_id], purpose="own-data")
    mine = Patient.objects.visible_to(actor)
    if not mine.filter(pk=patient_id, version=version).update(version=F("version") + 1):
        raise Conflict
    patient: Patient = get_one(mine, pk=patient_id)
    patient.family_name, patient.given_name = person.family_name, person.given_name
    patient.middle_name, patient.birth_date, patient.sex = person.middle_name or None, person.birth_date, person.sex
    patient.language = person.language
    patient.save(update_fields=["family_name", "given_name", "middle_name", "birth_date", "sex", "language"])
    return patient


@command("Contact.add", roles={Role.PATIENT})
def add_contact(*, actor: Actor, patient_id: UUID, code_id: UUID) -> Contact:
    """Keep an address that a used code has just proved. `ContactInUse` when it is another account's."""
    open_door(actor, [patient_id], purpose="own-data")
    code = get_one(
        OneTimeCode.objects.all(),
        pk=code_id,
        purpose=OneTimeCode.Purpose.CONTACT,
        used_at__isnull=False,
        user_id=actor.user_id,
    )
    address = Address("phone" if code.channel == "sms" else "email", code.destination)
    own = Contact.objects.visible_to(actor).filter(patient_id=patient_id, digest=address.digest).first()
    if own:
        return own
    contact = Contact(
        patient_id=patient_id, kind=address.kind, value=address.value, digest=address.digest, verified_at=Now()
    )
    try:
        with transaction.atomic():
            contact.save(force_insert=True)
    except IntegrityError:
        raise ContactInUse from None
    emit("contact.added", contact_id=contact.pk, patient_id=patient_id)
    return contact


@command("Contact.remove", roles={Role.PATIENT})
def remove_contact(*, actor: Actor, patient_id: UUID, contact_id: UUID) -> None:
    """Part with a contact; the last confirmed one stays, or nobody could reach the person. Rows are locked first."""
    open_door(actor, [patient_id], purpose="own-data")
    mine = Contact.objects.visible_to(actor).filter(patient_id=patient_id, removed_at=None)
    known = {contact.pk: contact for contact in mine.select_for_update().order_by("pk")}
    if contact_id not in known:
        raise NotFound
    if known[contact_id].verified_at and _leaves_nothing(known, contact_id):
        raise LastContact
    lost = mine.filter(pk=contact_id)
    forget_address(bytes(known[contact_id].digest))
    if not known[contact_id].verified_at:
        lost.delete()
        return
    lost.update(verified_at=None, removed_at=Now(), digest=token_bytes(32))
    emit("contact.removed", contact_id=contact_id, patient_id=patient_id)


@command("Session.forget", roles={Role.SYSTEM})
def forget_sessions(*, actor: Actor) -> int:
    """Delete what has expired: each visitor who looks at the sign-in page leaves one. Returns how many there were."""
    return int(Session.objects.filter(expire_date__lt=Now()).delete()[0])


def _leaves_nothing(known: dict[UUID, Contact], contact_id: UUID) -> bool:
    """No other confirmed contact, or only such as mail comes back from while this one works."""
    mine = bytes(known[contact_id].digest)
    others = {bytes(one.digest) for one in known.values() if one.verified_at and one.pk != contact_id}
    off = addresses_off([mine, *others])
    return not others or (others <= off and mine not in off)


@command("Contact.forget", roles={Role.SYSTEM})
def forget_contact(*, actor: Actor, contact_id: UUID) -> None:
    """Delete what was removed a day ago."""
    Contact.objects.visible_to(actor).filter(pk=contact_id, removed_at__lt=Now() - KEPT).delete()


@command("Session.end", roles={Role.PATIENT, *STAFF_ROLES})
def end_sessions(*, actor: Actor, only: str = "", keep: str = "") -> int:
    """Sign out one browser (`only`) or all but one (`keep`). Keys are stored digests; returns how many ended.

    Whoever signs out everywhere mistrusts somebody: what else leads to their data without signing in ends too.
    """
    if not only and not keep and actor.role == Role.PATIENT and actor.user_id:
        for patient_id in own_patients(actor):
            emit("sessions.ended", patient_id=patient_id, account_id=actor.user_id)
    rows = Session.objects.filter(user_id=actor.user_id)
    rows = rows.filter(session_key=only) if only else rows.exclude(session_key=keep)
    return int(rows.delete()[0])
