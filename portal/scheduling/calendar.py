"""Visits as iCalendar (RFC 5545). Titles are neutral: a calendar is shown on lock screens and shared with employers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from portal.scheduling.calendar_zone import zone_lines
from portal.scheduling.models import Appointment, AppointmentStatus

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
STATUSES = {AppointmentStatus.CANCELLED: "CANCELLED", AppointmentStatus.PENDING: "TENTATIVE"}
EVERY_HOUR = ["REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H"]


def calendar_file(visit: Appointment, url: str, *, method: str = "PUBLISH") -> bytes:
    """One visit. UID stays for life, SEQUENCE grows with the visit's version, a cancelled visit says so."""
    is_cancelled = visit.status == AppointmentStatus.CANCELLED
    said = "CANCEL" if is_cancelled and method == "REQUEST" else method
    return _calendar([f"METHOD:{said}"], [visit], _event(visit, url, timezone.now()))


def feed_file(visits: Sequence[Appointment], url_of: Callable[[UUID], str]) -> bytes:
    """What a subscribed calendar reads each hour: the same bytes until a visit changes."""
    name = _escape(_("Appointments"))
    head = ["METHOD:PUBLISH", f"NAME:{name}", f"X-WR-CALNAME:{name}", *EVERY_HOUR]
    events = [_event(visit, url_of(visit.pk), visit.cancelled_at or visit.created_at) for visit in visits]
    return _calendar(head, visits, chain.from_iterable(events))


def _calendar(head: list[str], visits: Sequence[Appointment], events: Iterator[str]) -> bytes:
    start = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Medical Portal//EN", "CALSCALE:GREGORIAN", *head]
    lines = [*start, *_zones(visits), *events, "END:VCALENDAR"]
    return b"".join(_fold(line.encode()) + b"\r\n" for line in lines)


def _zones(visits: Sequence[Appointment]) -> Iterator[str]:
    """Each zone once, for all years that its visits are in."""
    years: dict[str, list[int]] = {}
    for visit in visits:
        zone = visit.location.zone
        years.setdefault(zone, []).extend(moment.astimezone(ZoneInfo(zone)).year for moment in (visit.start, visit.end))
    for zone in sorted(years):
        yield from zone_lines(zone, min(years[zone]), max(years[zone]))


def _event(visit: Appointment, url: str, stamp: datetime) -> Iterator[str]:
    title = _("Appointment")
    yield "BEGIN:VEVENT"
    yield f"UID:{visit.pk}@portal"
    yield f"SEQUENCE:{visit.version - 1}"
    yield f"DTSTAMP:{_utc(stamp)}"
    yield f"DTSTART{_local(visit.start, visit.location.zone)}"
    yield f"DTEND{_local(visit.end, visit.location.zone)}"
    yield f"SUMMARY:{_escape(title)}"
    yield f"LOCATION:{_escape(_place(visit))}"
    yield f"DESCRIPTION:{_escape(url)}"
    yield f"STATUS:{STATUSES.get(AppointmentStatus(visit.status), 'CONFIRMED')}"
    yield from ("CLASS:PRIVATE", "TRANSP:OPAQUE", "END:VEVENT")


def _place(visit: Appointment) -> str:
    if visit.mode == "in-person":
        return f"{visit.location.city}, {visit.location.name}"
    return _("by video") if visit.mode == "video" else _("by chat")


def _local(moment: datetime, zone: str) -> str:
    """On the branch's clock; in UTC for the hour that a clock put back shows again, which no local time can name."""
    local = moment.astimezone(ZoneInfo(zone))
    return f":{_utc(moment)}" if local.fold else f";TZID={zone}:{local:%Y%m%dT%H%M%S}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escape(text: str) -> str:
    for char in ("\\", ";", ","):
        text = text.replace(char, f"\\{char}")
    return CONTROL.sub("", "\\n".join(text.splitlines()))


def _fold(line: bytes) -> bytes:
    """Lines of at most 75 octets, never cut inside a character."""
    parts, room = [], 75
    while len(line) > room:
        cut = room
        while line[cut] & 0xC0 == 0x80:  # a byte that continues a character
            cut -= 1
        parts.append(line[:cut])
        line, room = line[cut:], 74
    return b"\r\n ".join([*parts, line])
