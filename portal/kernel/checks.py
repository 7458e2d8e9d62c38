"""System checks: what a model must say, so that nobody can forget the walls. Each is tested on a planted mistake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connection, models

from portal.kernel.base import PatientRecord, PortalModel
from portal.kernel.fields import EncryptedField

RETENTION = {"ACCOUNT", "MEDICAL_25Y"}
READABLE = (models.CharField, models.TextField, models.JSONField, models.FileField, models.DateField)
UNGUARDED = {
    "kernel.Keyset": "written by migrations alone",
    "people.Session": "Django's session store writes it",
    "people.RateWindow": "written by one upsert",
}


def check_models(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Every model of the portal, or of the given apps."""
    found: list[CheckMessage] = []
    for model in apps.get_models():
        if model.__module__.startswith("portal.") and (app_configs is None or model._meta.app_config in app_configs):
            found += check_model(model)
    return found


def check_model(model: type[models.Model]) -> list[CheckMessage]:
    """All findings about one model."""
    if not issubclass(model, PortalModel):
        if model._meta.label in UNGUARDED:
            return []
        return [Error("derives from neither PortalModel nor PatientRecord", obj=model, id="portal.E001")]
    return list(_patient_findings(model)) if issubclass(model, PatientRecord) else []


def _patient_findings(model: type[PatientRecord]) -> Iterator[CheckMessage]:
    if model.retention not in RETENTION:
        yield Error(f"states no retention class, one of {sorted(RETENTION)}", obj=model, id="portal.E002")
    fields: list[Any] = list(model._meta.local_fields)
    for field in fields:
        if _is_plain(field) and field.name not in model.public_fields and not _is_instant(field):
            yield Error(
                "is plain text in a patient's table: encrypt it, or list it in public_fields with the reason",
                obj=field,
                id="portal.E003",
            )
        if field.is_relation and not _points_at_patient(field) and field.remote_field.related_name != "+":
            yield Error('is a way from a public table to patients: related_name="+"', obj=field, id="portal.E004")
        if field.has_db_default() or field.generated:
            yield Error("has a database default: RETURNING would hit the wall", obj=field, id="portal.E005")


def _is_plain(field: Any) -> bool:
    return isinstance(field, READABLE) and not isinstance(field, EncryptedField)


def _is_instant(field: Any) -> bool:
    return isinstance(field, models.DateTimeField)


def _points_at_patient(field: Any) -> bool:
    related = field.related_model
    return isinstance(related, type) and issubclass(related, PatientRecord) and field.remote_field.related_name == "+"


def check_installation(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Before patients come: keys, TLS, mail; nothing of the demo."""
    portal = settings.PORTAL
    sender = f"{portal.sms_vendor}_sender"
    wanted = {
        "SECRET_KEY: expected 50 or more random characters": len(settings.SECRET_KEY) >= 50,
        "PUBLIC_URL: expected an https:// address": settings.IS_TLS,
        "DEMO: expected false": not portal.demo,
        "KEK_URI: expected the key-encryption key": bool(settings.KEK_URI),
        f"{sender.upper()}: expected the clinic's registered neutral name": bool(getattr(portal, sender)),
        "SMTP_URL: expected the mail server": bool(portal.smtp_url),
        "VAPID_PRIVATE_KEY and VAPID_SUBJECT: expected with PUSH_VENDOR": not portal.push_vendor
        or bool(portal.vapid_private_key and portal.vapid_subject),
        "DKIM_KEY: expected with DKIM_SELECTOR": not portal.dkim_selector or bool(portal.dkim_key),
        "IMAP_URL, IMAP_LOGIN and IMAP_PASSWORD: expected with BOUNCES_VENDOR": not portal.bounces_vendor
        or bool(portal.imap_url and portal.imap_login and portal.imap_password),
        "PUSH_EXTRA_HOSTS: expected no http address": "http:" not in portal.push_extra_hosts,
        "MAX_TOKEN, MAX_BOT_NAME and MAX_HOOK_SECRET: expected with CHAT_VENDOR": not portal.chat_vendor
        or bool(portal.max_token and portal.max_bot_name and portal.max_hook_secret),
    }
    found: list[CheckMessage] = [Error(text, id="portal.E010") for text, holds in wanted.items() if not holds]
    if demo := _demo_accounts():
        found.append(Error(f"{demo} demo accounts exist: this database was filled by the demo seed", id="portal.E011"))
    return found


def _demo_accounts() -> int:
    try:
        return int(apps.get_model(settings.AUTH_USER_MODEL).objects.filter(is_demo=True).count())
    except DatabaseError:
        return 0


def check_role(app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The application must not run as a role that walks around the wall."""
    if not databases:
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            row = cursor.fetchone()
    except DatabaseError:
        return []
    if row and row[0]:
        return [Error("DATABASE_URL: expected the role app; this role bypasses row-level security", id="portal.E012")]
    return []


register(check_models, Tags.models)
register(check_installation, Tags.security, deploy=True)
register(check_role, Tags.database)
