"""The CapabilityStatement: only what really works."""

from __future__ import annotations

from doubles._fhir_operations import NAMES
from doubles._fhir_params import PARAMS
from doubles._fhir_search import INCLUDES
from doubles._fhir_store import Resource

INTERACTIONS = ("read", "vread", "create", "update", "search-type")


def statement(base: str, *, has_operations: bool, is_plain: bool = False) -> Resource:
    """`is_plain`: nothing but single resources, as many servers are."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-23",
        "kind": "instance",
        "software": {"name": "A practice MIS", "version": "1"},
        "implementation": {"description": "The clinic «Берег», invented", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [_rest(has_operations=has_operations, is_plain=is_plain)],
    }


def _rest(*, has_operations: bool, is_plain: bool) -> Resource:
    service = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "OAuth"}],
        "text": "A static bearer token",
    }
    return {
        "mode": "server",
        "security": {"service": [service]},
        "resource": [_resource(kind, has_operations=has_operations) for kind in PARAMS],
        "interaction": [] if is_plain else [{"code": "transaction"}],
    }


def _resource(kind: str, *, has_operations: bool) -> Resource:
    told: Resource = {
        "type": kind,
        "interaction": [{"code": code} for code in INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": True,
        "conditionalRead": "not-match",
        "searchInclude": [f"{kind}:{name}" for name in INCLUDES.get(kind, [])],
        "searchParam": [{"name": name, "type": param.type} for name, param in PARAMS[kind].items()],
    }
    if kind == "Appointment" and has_operations:
        told["operation"] = [{"name": name[1:], "definition": _definition(name)} for name in NAMES]
    return {name: value for name, value in told.items() if value != []}


def _definition(name: str) -> str:
    return f"https://profiles.ihe.net/ITI/Scheduling/OperationDefinition/appointment-{name[1:]}"
