"""How long whoever has claimed a row may be silent before somebody else takes it up."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings


def lease() -> timedelta:
    """Longer than one call to a MIS may take. Whoever writes there asks first whether the claim is still theirs."""
    return timedelta(seconds=settings.PORTAL.mis_lease_seconds)
