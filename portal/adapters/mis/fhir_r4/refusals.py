"""What a FHIR server refuses with, in the port's words. Its own words are not kept: they may name a person."""

from __future__ import annotations

import re

import httpx

from portal.adapters.mis.fhir_r4.text import Resource
from portal.mis.ports import (
    AuthExpired,
    Changed,
    Gone,
    MisBroken,
    MisBusy,
    MisFailure,
    MisUnknown,
    RuleViolation,
    TimeTaken,
)

CODE = re.compile(r"[a-z][a-z-]{1,30}")  # issue-type is a closed list of such words
MEDIA = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,40}")
LATER = ("lock-error", "throttled", "transient")


def refusal(status: int, body: Resource | None, is_write: bool, response: httpx.Response) -> MisFailure | MisUnknown:
    code = _issue(body)
    if status in (401, 403):
        return AuthExpired(f"http {status}")
    if status in (406, 415):
        return MisBroken("no-json", "the server does not speak FHIR in JSON")
    if status in (404, 410):
        return Gone(f"http {status}")
    if status == 412:
        return Changed(code)
    if status == 409:
        return TimeTaken(code) if code in ("conflict", "business-rule", "") else Changed(code)
    if status in (429, 503) or code in LATER:
        return MisBusy(f"http-{status}", code)
    if status >= 500:
        return MisUnknown(f"http-{status}", code) if is_write else MisBusy(f"http-{status}", code)
    if 300 <= status < 400:
        return MisBroken("redirect", f"http {status}: an address of a FHIR server does not lead elsewhere")
    if status in (400, 422) and is_write:
        return TimeTaken(code) if code == "conflict" else RuleViolation(code or f"http-{status}")
    return MisBroken(f"http-{status}", code or what_came(response))


def what_came(response: httpx.Response) -> str:
    """What came instead of FHIR in JSON, in the administrator's words."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if "xml" in kind:
        return "the server answers in XML alone; the portal speaks JSON"
    said = kind if MEDIA.fullmatch(kind) else "something without a type"
    return f"{said} instead of FHIR in JSON, http {response.status_code}"


def _issue(body: Resource | None) -> str:
    """The code of the first error of an OperationOutcome."""
    if not body or body.get("resourceType") != "OperationOutcome":
        return ""
    issues = [one for one in body.get("issue") or [] if isinstance(one, dict)]
    worst = [one for one in issues if one.get("severity") in ("fatal", "error")] or issues
    code = str(worst[0].get("code", "")) if worst else ""
    return code if CODE.fullmatch(code) else ""
