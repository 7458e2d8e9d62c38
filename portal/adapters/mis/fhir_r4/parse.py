"""FHIR resources → the port's values, as forgiving as the servers are different. What cannot be understood is nothing.

References come relative, contained or by identifier alone; times in any precision and offset; dates in part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import phonenumbers

from portal.adapters.mis.fhir_r4.options import Options
from portal.mis.ports import (
    Branch,
    Doctor,
    KnownPatient,
    MisVisit,
    PastVisit,
    Person,
    Service,
    Slot,
    VisitStatus,
)

Resource = dict[str, Any]
INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(\.\d+)?(Z|[+-]\d\d:\d\d)")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
VIRTUAL = {"video": "video", "vr": "video", "chat": "chat"}


def instant(text: Any) -> datetime | None:
    """A time with its offset. One without is nobody's: R4 demands it of an instant."""
    found = INSTANT.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    second, fraction, zone = found.groups()
    whole = f"{second if second.count(':') == 2 else second + ':00'}{(fraction or '')[:7]}{zone}"
    try:
        return datetime.fromisoformat(whole.replace("Z", "+00:00"))
    except ValueError:
        return None


def day(text: Any) -> date | None:
    """A whole date; a year or a month alone is no birthday that anybody could be matched by."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) and DAY.fullmatch(text) else None
    except ValueError:
        return None


def reference(value: Any, kind: str, *, within: Resource | None = None) -> str:
    """The id of what a reference points at, if that is a `kind`; "" otherwise."""
    if not isinstance(value, dict):
        return ""
    target = str(value.get("reference", ""))
    if "://" in target:
        return ""  # of another server: the wire has made our own ones relative
    if target.startswith("#"):
        return _contained(target[1:], kind, within or {})
    parts = target.partition("/_history/")[0].split("/")
    return parts[-1] if len(parts) > 1 and parts[-2] == kind else ""


def _contained(id_: str, kind: str, within: Resource) -> str:
    """A contained resource has no life of its own: what it is, is told by what it refers to."""
    for one in dicts(within.get("contained")):
        if one.get("id") == id_ and one.get("resourceType") == kind:
            return ""
        if one.get("id") == id_ and kind in ("Practitioner", "Location", "HealthcareService"):
            return reference(one.get(kind[0].lower() + kind[1:]), kind)
    return ""


def dicts(value: Any) -> list[Resource]:
    """A list of objects, whatever came."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def words(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def coded(value: Any) -> tuple[str, str]:
    """Code and words of the first CodeableConcept of a list, or of one."""
    concepts = dicts(value) or ([value] if isinstance(value, dict) else [])
    for concept in concepts:
        codings = dicts(concept.get("coding"))
        code = next((words(c.get("code")) for c in codings if c.get("code")), "")
        text = next((words(c.get("display")) for c in codings if c.get("display")), "") or words(concept.get("text"))
        if code or text:
            return code, text
    return "", ""


def version(resource: Resource) -> str:
    """Proxies lose ETags; meta.versionId stays."""
    meta = resource.get("meta")
    return str(meta.get("versionId", "")) if isinstance(meta, dict) else ""


def updated(resource: Resource) -> datetime | None:
    meta = resource.get("meta")
    return instant(meta.get("lastUpdated")) if isinstance(meta, dict) else None


# Persons -----------------------------------------------------------------------------------------------------------


def name_of(resource: Resource) -> tuple[str, str, str]:
    """Family name, given name, patronymic (given[1]); a name that has ended or is a nickname comes last."""
    names = sorted(dicts(resource.get("name")), key=lambda one: one.get("use") in ("old", "nickname", "maiden", "temp"))
    if not names:
        return "", "", ""
    family, given = names[0].get("family"), names[0].get("given")
    first, *more = [words(one) for one in given if words(one)] if isinstance(given, list) and given else [""]
    return words(family), first, " ".join(more)


def patient(resource: Resource, options: Options) -> KnownPatient:
    family, given, middle = name_of(resource)
    numbers = dicts(resource.get("identifier"))
    links = dicts(resource.get("link"))
    replaced = next((one.get("other") for one in links if one.get("type") == "replaced-by"), None)
    person = Person(
        family_name=family,
        given_name=given,
        middle_name=middle,
        birth_date=day(resource.get("birthDate")),
        sex=words(resource.get("gender")),
        phones=tuple(dict.fromkeys(phones(resource))),
        snils=digits(identifier(numbers, options.snils)),
        policy=digits(identifier(numbers, options.policy)),
    )
    return KnownPatient(
        ref=words(resource.get("id")),
        person=person,
        key=uuid(identifier(numbers, [options.patient_system])),
        card=identifier(numbers, options.card),
        born=words(resource.get("birthDate")),
        is_active=resource.get("active") is not False,
        replaced_by=reference(replaced, "Patient") or ("?" if replaced else ""),
    )


def identifier(numbers: Iterable[Resource], systems: list[str]) -> str:
    """The value of an identifier in use, by any name that its system is known by."""
    in_use = [one for one in numbers if one.get("use") != "old"]
    return next((words(one.get("value")) for s in systems for one in in_use if one.get("system") == s), "")


def digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def phones(resource: Resource) -> Iterable[str]:
    """Numbers as E.164, however they were written."""
    for one in dicts(resource.get("telecom")):
        if one.get("system") in ("phone", "sms") and one.get("use") != "old":
            try:
                number = phonenumbers.parse(words(one.get("value")), "RU")
            except phonenumbers.NumberParseException:
                continue
            yield phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


# The directory -----------------------------------------------------------------------------------------------------


def branch(resource: Resource) -> Branch:
    extensions = dicts(resource.get("extension"))
    zone = next((words(e.get("valueCode") or e.get("valueString")) for e in extensions if e.get("url") == TIMEZONE), "")
    return Branch(words(resource.get("id")), words(resource.get("name")), zone)


def service(resource: Resource) -> Service:
    name = words(resource.get("name")) or coded(resource.get("type"))[1]
    return Service(words(resource.get("id")), name)


def doctor(role: Resource, practitioners: dict[str, Resource]) -> Doctor | None:
    """A PractitionerRole with its Practitioner; None when nobody can tell who it is."""
    person = practitioners.get(reference(role.get("practitioner"), "Practitioner", within=role))
    if person is None:
        return None
    family, given, middle = name_of(person)
    code, text = coded(role.get("specialty"))
    years = [words((q.get("period") or {}).get("start"))[:4] for q in dicts(person.get("qualification"))]
    known_years = sorted(int(year) for year in years if year.isdigit())
    return Doctor(
        ref=words(role.get("id")),
        practitioner_ref=words(person.get("id")),
        branch_ref=next((ref for one in dicts(role.get("location")) if (ref := reference(one, "Location"))), ""),
        family_name=family,
        given_name=given,
        middle_name=middle,
        specialty=text or code,
        specialty_code=code,
        practising_since=known_years[0] if known_years else None,
        services=tuple(
            ref for one in dicts(role.get("healthcareService")) if (ref := reference(one, "HealthcareService"))
        ),
        is_active=role.get("active") is not False and person.get("active") is not False,
    )


# Times and visits --------------------------------------------------------------------------------------------------


def slot(resource: Resource, doctor_ref: str) -> Slot | None:
    """None for what is not a time, or was entered by mistake."""
    start, end = instant(resource.get("start")), instant(resource.get("end"))
    if start is None or end is None or end <= start or resource.get("status") == "entered-in-error":
        return None
    mode = VIRTUAL.get(coded(resource.get("appointmentType"))[0].lower(), "in-person")
    return Slot(doctor_ref, start, end, resource.get("status") == "free", (mode,))


def status(text: Any, mapped: dict[str, VisitStatus]) -> VisitStatus:
    """Ours of theirs: as the clinic has mapped it, else as FHIR names it, else undefined."""
    said = words(text)
    if said in mapped:
        return mapped[said]
    return VisitStatus(said) if said in set(VisitStatus) and said != VisitStatus.UNDEFINED else VisitStatus.UNDEFINED


def visit(
    resource: Resource, options: Options, mapped: dict[str, VisitStatus], doctor_refs: dict[str, str]
) -> MisVisit:
    """`doctor_refs`: Practitioner → PractitionerRole, for servers whose visits name the person alone."""
    actors = [one.get("actor") for one in dicts(resource.get("participant"))]
    roles = [ref for one in actors if (ref := reference(one, "PractitionerRole", within=resource))]
    people = [ref for one in actors if (ref := reference(one, "Practitioner", within=resource))]
    doctors = roles or [doctor_refs[ref] for ref in people if ref in doctor_refs] or [""]
    said = status(resource.get("status"), mapped)
    offered = [
        ref for one in dicts(resource.get("supportingInformation")) if (ref := reference(one, "HealthcareService"))
    ]
    services = [ref for one in actors if (ref := reference(one, "HealthcareService", within=resource))]
    return MisVisit(
        ref=words(resource.get("id")),
        version=version(resource),
        status=said,
        doctor_ref=doctors[0],
        patient_ref=next((ref for one in actors if (ref := reference(one, "Patient", within=resource))), ""),
        start=instant(resource.get("start")),
        end=instant(resource.get("end")),
        key=uuid(identifier(dicts(resource.get("identifier")), [options.visit_system])),
        service_ref=(services or offered or [""])[0],
        raw_status=words(resource.get("status")) if said == VisitStatus.UNDEFINED else "",
    )


def past_visit(resource: Resource, doctor_refs: dict[str, str]) -> PastVisit | None:
    """An Encounter that took place; `doctor_refs` as of `visit`."""
    period = resource.get("period") if isinstance(resource.get("period"), dict) else {}
    start = instant((period or {}).get("start"))
    if start is None or resource.get("status") != "finished":
        return None
    doctors = [one.get("individual") for one in dicts(resource.get("participant"))]
    roles = [ref for one in doctors if (ref := reference(one, "PractitionerRole"))]
    people = [reference(one, "Practitioner") for one in doctors]
    return PastVisit(
        ref=words(resource.get("id")),
        doctor_ref=[*roles, *(doctor_refs[ref] for ref in people if ref in doctor_refs), ""][0],
        start=start,
        end=instant((period or {}).get("end")),
        visit_ref=next(
            (ref for one in dicts(resource.get("appointment")) if (ref := reference(one, "Appointment"))), ""
        ),
    )
