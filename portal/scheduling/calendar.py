"""RFC 5545 for one visit. The title is neutral: a calendar is shown on lock screens and shared with employers."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.translation import gettext as _

from portal.scheduling.models import Appointment, AppointmentStatus


def calendar_file(visit: Appointment, url: str, *, method: str = "PUBLISH") -> bytes:
    """UID stays for life, SEQUENCE grows with the visit's version, a cancelled visit says so."""
    is_cancelled = visit.status == AppointmentStatus.CANCELLED
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Medical Portal//EN",
        f"METHOD:{'CANCEL' if is_cancelled and method == 'REQUEST' else method}",
        "BEGIN:VEVENT",
        f"UID:{visit.pk}@portal",
        f"SEQUENCE:{visit.version - 1}",
        f"DTSTAMP:{_stamp(visit.cancelled_at or visit.created_at)}",
        f"DTSTART:{_stamp(visit.start)}",
        f"DTEND:{_stamp(visit.end)}",
        f"SUMMARY:{_escape(_('Appointment'))}",
        f"LOCATION:{_escape(f'{visit.location.city}, {visit.location.name}')}",
        f"DESCRIPTION:{_escape(url)}",
        f"STATUS:{'CANCELLED' if is_cancelled else 'CONFIRMED'}",
        "CLASS:PRIVATE",
        "TRANSP:OPAQUE",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_fold(line)}\r\n" for line in lines).encode()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escape(text: str) -> str:
    for char in ("\\", ";", ","):
        text = text.replace(char, f"\\{char}")
    return "\\n".join(text.splitlines())


def _fold(line: str) -> str:
    """Lines of at most 75 octets, never cut inside a character."""
    parts: list[str] = []
    part = ""
    for char in line:
        if len((part + char).encode()) > (75 if not parts else 74):
            parts.append(part)
            part = ""
        part += char
    return "\r\n ".join([*parts, part])
