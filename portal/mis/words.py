"""Codes of the exchange in words of the clinic's people."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

WHY: dict[str, Promise] = {
    "unreachable": _("no connection to the system"),
    "no-answer": _("the system does not answer in time"),
    "busy": _("the system is busy"),
    "resting": _("the system failed several times in a row and is left alone for some seconds"),
    "too-many-calls": _("the system gets as many questions at once as it may"),
    "auth": _("the system does not take our key or password"),
    "broken": _("the system answers what cannot be understood"),
    "fault": _("a fault of the portal: see the log"),
    "wrong-mapping": _("the mapping file is missing or wrong: portal mis check tells where"),
    "fhir-version": _("the system speaks another version of FHIR"),
    "no-json": _("the system does not speak FHIR in JSON"),
    "not-fhir": _("something else than FHIR answers at this address"),
    "directory-shrank": _("too many doctors are missing in the system’s directory at once"),
    "visits-vanished": _("too many visits are missing in the system at once"),
    "time-taken": _("the time is not free in the system"),
    "doctor-unknown": _("the doctor is not in the system’s directory"),
    "patient-unknown": _("the patient is not in the system"),
    "patient-busy": _("the patient has another visit at this time"),
    "patient-claimed": _("it is being found out who the patient is in the system"),
    "gone": _("the visit is not in the system any more"),
    "SlotTaken": _("another visit of ours stands at this time"),
    "PatientBusy": _("the patient has another visit at this time"),
    "NotOffered": _("the doctor gives no such service on the portal"),
}


def why(code: str) -> str:
    """What a code means; a code that nobody has put into words stays as it is."""
    return str(WHY[code]) if code in WHY else code
