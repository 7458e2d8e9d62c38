"""Whose word counts for a doctor's times: the portal's, or that of the clinic's own system."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext_lazy as _

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.mis.models import DirectoryRef
from portal.mis.selectors import ref_of
from portal.people.models import Master, PractitionerRole
from portal.scheduling.errors import NotOffered
from portal.scheduling.models import MisLine
from portal.scheduling.services import put_in_charge


@command("PractitionerRole.set-master", roles={Role.CLINIC_ADMIN})
def set_master(*, actor: Actor, role_id: UUID, master: str) -> PractitionerRole:
    """From now on `master` decides. `NotOffered` for a system that is not connected or does not list this doctor."""
    if master == Master.MIS:
        if not MisLine.objects.filter(organization_id=actor.clinic).exists():
            raise NotOffered(_("No system of this clinic is connected yet."))
        if not ref_of(actor.clinic, DirectoryRef.Kind.DOCTOR, role_id):
            raise NotOffered(_("The clinic’s system does not list this doctor."))
    return put_in_charge(actor, role_id, master)
