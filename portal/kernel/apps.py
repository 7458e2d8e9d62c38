from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def make_keysets(**kwargs: Any) -> None:
    """After every migration run the installation has its keysets; existing ones stay."""
    from portal.kernel import crypto

    crypto.ensure_keysets()


class KernelConfig(AppConfig):
    name = "portal.kernel"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.kernel import checks  # noqa: F401  (registers the system checks)

        post_migrate.connect(make_keysets, sender=self)
