"""Django, started by a command as the role it needs."""

from __future__ import annotations

import os

from portal.runway import environment
from portal.runway.errors import WrongUsage


def start_django(role: str = "app") -> None:
    """Start Django as `app`, or as `owner` for migrations."""
    if role == "owner":
        owner_url = environment.value_of("DATABASE_OWNER_URL")
        if not owner_url:
            raise WrongUsage(
                "DATABASE_OWNER_URL: expected postgresql://owner@host:port/name, used for migrations only."
            )
        os.environ["DATABASE_URL"] = owner_url
        os.environ.pop("DATABASE_URL_FILE", None)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
