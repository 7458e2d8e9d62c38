"""From a request to the actor: the session holds ids, the database says whether they still hold."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib.auth import logout
from django.http import HttpRequest
from django.utils import timezone

from portal.kernel.actor import Actor, Role, anonymous
from portal.people.models import StaffAssignment
from portal.people.sessions import IDLE, LONGEST, TOUCH_AFTER

ASSIGNMENT = "assignment"
SEEN = "seen"
SINCE = "since"


def actor_of(request: HttpRequest) -> Actor:
    """Settings name this as ACTOR_RESOLVER. An account that is idle, disabled or in for too long is anonymous again."""
    user = request.user
    if not user.is_authenticated or not user.is_active:
        return anonymous()
    assignment_id = request.session.get(ASSIGNMENT)
    if not _is_fresh(request, "staff" if assignment_id else "patient"):
        logout(request)
        return anonymous()
    if assignment_id:
        return _staff_actor(user.pk, UUID(assignment_id))
    return Actor(kind="patient", role=Role.PATIENT, user_id=user.pk)


def _is_fresh(request: HttpRequest, kind: str) -> bool:
    now = timezone.now()
    seen = datetime.fromisoformat(request.session.get(SEEN) or now.isoformat())
    since = datetime.fromisoformat(request.session.setdefault(SINCE, now.isoformat()))
    if now - seen > IDLE[kind] or now - since > LONGEST:
        return False
    if SEEN not in request.session or now - seen > TOUCH_AFTER:
        request.session[SEEN] = now.isoformat()
    return True


def _staff_actor(user_id: UUID, assignment_id: UUID) -> Actor:
    assignment = StaffAssignment.objects.filter(pk=assignment_id, user_id=user_id).first()
    if assignment is None:
        return anonymous()
    return Actor(
        kind="staff",
        role=Role(assignment.role),
        user_id=user_id,
        organization_id=assignment.organization_id,
        department=assignment.department,
        practitioner_id=assignment.practitioner_id,
    )
