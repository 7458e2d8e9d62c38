"""The search parameters: where in a resource each one looks, and what of it goes into the index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

FAR, LONG_AGO = "9999", "0000"
MOMENT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)

# type, parameter, kind, path, the type a reference must lead to (a chain can follow only such a one)
TABLE = """
Organization      name         string    name
Organization      identifier   token     identifier
Organization      active       token     active
Organization      organization reference partOf                Organization
Location          name         string    name
Location          status       token     status
Location          organization reference managingOrganization  Organization
HealthcareService name         string    name
HealthcareService active       token     active
HealthcareService specialty    token     specialty
HealthcareService organization reference providedBy            Organization
HealthcareService location     reference location              Location
Practitioner      name         string    name
Practitioner      identifier   token     identifier
Practitioner      active       token     active
PractitionerRole  practitioner reference practitioner          Practitioner
PractitionerRole  organization reference organization          Organization
PractitionerRole  location     reference location              Location
PractitionerRole  service      reference healthcareService     HealthcareService
PractitionerRole  specialty    token     specialty
PractitionerRole  active       token     active
Schedule          actor        reference actor
Schedule          active       token     active
Schedule          date         date      planningHorizon
Slot              schedule     reference schedule              Schedule
Slot              start        date      start
Slot              status       token     status
Patient           identifier   token     identifier
Patient           family       string    name.family
Patient           given        string    name.given
Patient           name         string    name
Patient           birthdate    date      birthDate
Patient           phone        phone     telecom
Patient           telecom      phone     telecom
Patient           active       token     active
Appointment       patient      reference participant.actor     Patient
Appointment       practitioner reference participant.actor     Practitioner
Appointment       location     reference participant.actor     Location
Appointment       actor        reference participant.actor
Appointment       date         date      start
Appointment       status       token     status
Appointment       identifier   token     identifier
Appointment       slot         reference slot                  Slot
Encounter         patient      reference subject               Patient
Encounter         appointment  reference appointment           Appointment
Encounter         date         date      period
Encounter         status       token     status
"""


@dataclass(frozen=True)
class Param:
    """`kind`: how it is compared; `path`: elements from the resource down; `target`: only references to this type."""

    kind: str
    path: str
    target: str = ""

    @property
    def type(self) -> str:
        """As a CapabilityStatement calls it."""
        return "token" if self.kind == "phone" else self.kind


def _table() -> dict[str, dict[str, Param]]:
    found: dict[str, dict[str, Param]] = {}
    for line in TABLE.strip().splitlines():
        kind, name, *rest = line.split()
        common = {"_id": Param("token", "id"), "_lastUpdated": Param("date", "meta.lastUpdated")}
        found.setdefault(kind, common)[name] = Param(*rest)
    return found


PARAMS = _table()
Row = tuple[str, str, str]


def index_of(resource: dict[str, Any], zone: tzinfo) -> list[Row]:
    """(parameter, value, extra) for each thing a search may find it by."""
    params = PARAMS[resource["resourceType"]].items()
    return [
        (name, *row)
        for name, param in params
        for value in _walk(resource, param.path.split("."))
        for row in _rows(param, value, zone)
    ]


def _walk(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _walk(each, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _walk(value[path[0]], path[1:])


def _rows(param: Param, value: Any, zone: tzinfo) -> list[tuple[str, str]]:
    if param.kind == "date":
        return _dates(value, zone)
    if param.kind == "reference":
        return _references(value, param.target)
    if param.kind == "string":
        return [(plain(text), text) for text in _strings(value)]
    if param.kind == "phone":
        return [(digits(str(value.get("value", ""))), "")]
    return _tokens(value)


def _tokens(value: Any) -> list[tuple[str, str]]:
    """(code, system) of a code, a boolean, an Identifier or a CodeableConcept."""
    if isinstance(value, bool):
        return [("true" if value else "false", "")]
    if not isinstance(value, dict):
        return [(str(value), "")]
    if "coding" in value:
        return [(str(each.get("code", "")), str(each.get("system", ""))) for each in value["coding"]]
    return [(str(value.get("value", "")), str(value.get("system", "")))]


def _references(value: Any, target: str) -> list[tuple[str, str]]:
    """(type/id, id)."""
    found = str(value.get("reference", "")) if isinstance(value, dict) else ""
    kind, _, id_ = found.partition("/")
    return [(found, id_)] if id_ and target in ("", kind) else []


def _strings(value: Any) -> list[str]:
    """A string, or the parts of a HumanName."""
    if not isinstance(value, dict):
        return [str(value)]
    return [*filter(None, [value.get("text"), value.get("family"), *value.get("given", [])])]


def _dates(value: Any, zone: tzinfo) -> list[tuple[str, str]]:
    """(first moment, last moment) of a date, an instant or a Period; an open end lasts for ever."""
    try:
        if isinstance(value, dict):
            start, end = value.get("start"), value.get("end")
            return [(_range(start, zone)[0] if start else LONG_AGO, _range(end, zone)[1] if end else FAR)]
        return [_range(str(value), zone)]
    except ValueError:
        return []


def _range(text: str, zone: tzinfo) -> tuple[str, str]:
    """An instant is one moment; a day lasts until just before the next."""
    low, high = _moments(text, zone)
    return _comparable(low), _comparable(low if "T" in text else high - timedelta(microseconds=1))


def span(text: str, zone: tzinfo) -> tuple[str, str]:
    """The first moment of a date or instant and the first one after it, comparable as text. Raises ValueError."""
    low, high = _moments(text, zone)
    return _comparable(low), _comparable(high)


def _moments(text: str, zone: tzinfo) -> tuple[datetime, datetime]:
    found = MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a date")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    micro = (fraction or "0")[:6].ljust(6, "0")
    start = datetime.fromisoformat(
        f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}.{micro}{offset or ''}"
    )
    aware = start if offset else start.replace(tzinfo=zone)
    return aware, _after(aware, (month, day, hour, second, fraction))


def _after(start: datetime, given: tuple[str | None, ...]) -> datetime:
    """The first moment after what was told: a year, a month, a day, a minute, a second or a part of it."""
    month, day, hour, second, fraction = given
    if month is None:
        return start.replace(year=start.year + 1)
    if day is None:
        return (start + timedelta(days=31)).replace(day=1)
    if hour is None:
        return start + timedelta(days=1)
    if second is None:
        return start + timedelta(minutes=1)
    return start + (timedelta(milliseconds=1) if fraction else timedelta(seconds=1))


def _comparable(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26]


def plain(text: str) -> str:
    """For comparing: small letters, «ё» as «е», single spaces."""
    return " ".join(text.lower().replace("ё", "е").split())


def digits(phone: str) -> str:
    """The national part of a Russian number however it is written; e-mail and others as they are."""
    bare = re.sub(r"[\s()+-]", "", phone)
    return f"7{bare[1:]}" if len(bare) == 11 and bare[0] in "78" else bare.lower()
