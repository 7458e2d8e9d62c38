"""A Bundle `transaction`: all its entries or none, whatever their order in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from doubles._fhir_errors import Refusal
from doubles._fhir_rest import Clinic, Reply, rewritten
from doubles._fhir_store import Resource

WORDS = {200: "200 OK", 201: "201 Created", 304: "304 Not Modified"}


@dataclass
class Entry:
    """`full`: its fullUrl; `condition`: what follows the question mark of its address."""

    place: int
    full: str
    method: str
    kind: str
    id: str
    condition: str
    request: Resource
    resource: Any

    @property
    def rank(self) -> int:
        """Slots go before Appointments: one made busy here is there for the Appointment that claims it."""
        if self.method == "GET":
            return 4
        if self.kind == "Appointment":
            return 3
        return 1 if self.method == "POST" else 2


def run(clinic: Clinic, bundle: Any) -> Reply:
    """Raises Refusal, with the entry that failed, and then nothing is written."""
    entries = _entries(bundle)
    replies: dict[int, Reply] = {}
    with clinic.writing():
        references = _references(clinic, entries)
        for entry in sorted(entries, key=lambda each: each.rank):
            try:
                replies[entry.place] = _do(clinic, entry, references)
            except Refusal as refusal:
                refusal.expression = f"Bundle.entry[{entry.place}]"
                raise
    told = [_told(replies[entry.place]) for entry in entries]
    return Reply(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": told})


def _entries(bundle: Any) -> list[Entry]:
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Refusal(400, "structure", "A Bundle is expected")
    if bundle.get("type") != "transaction":
        raise Refusal(400, "not-supported", "Only a Bundle of type transaction is taken")
    try:
        entries = [_entry(place, each) for place, each in enumerate(bundle.get("entry", []))]
    except (KeyError, TypeError, AttributeError):
        raise Refusal(400, "structure", "An entry has a request with method and url") from None
    written = [(entry.kind, entry.id) for entry in entries if entry.method == "PUT"]
    if len(written) != len(set(written)):
        raise Refusal(400, "invalid", "The same resource is written twice")
    return entries


def _entry(place: int, given: Any) -> Entry:
    request = given["request"]
    path, _, condition = str(request["url"]).lstrip("/").partition("?")
    kind, _, id_ = path.partition("/")
    method = request["method"]
    if method not in ("POST", "PUT", "GET") or (method == "PUT" and not id_):
        refusal = Refusal(400, "not-supported", "Entries are POST, PUT with an id, and GET")
        refusal.expression = f"Bundle.entry[{place}]"
        raise refusal
    return Entry(place, str(given.get("fullUrl", "")), method, kind, id_, condition, request, given.get("resource"))


def _references(clinic: Clinic, entries: list[Entry]) -> dict[str, str]:
    """fullUrl → the reference it gets. A conditional create that matches leads to what is there."""
    found = {}
    for entry in entries:
        if entry.method != "POST":
            continue
        clinic.check_kind(entry.kind)
        condition = str(entry.request.get("ifNoneExist", ""))
        known = clinic.one(entry.kind, condition) if condition else None
        entry.id = known["id"] if known else clinic.store.new_id(entry.kind)
        if entry.full:
            found[entry.full] = f"{entry.kind}/{entry.id}"
    for asked in {reference for entry in entries for reference in _conditional(entry.resource)}:
        known = clinic.one(*asked.split("?", 1))
        if known is None:
            raise Refusal(412, "not-found", "A conditional reference matches nothing")
        found[asked] = f"{known['resourceType']}/{known['id']}"
    return found


def _conditional(value: Any) -> list[str]:
    """References such as `Patient?identifier=…`."""
    if isinstance(value, list):
        return [found for each in value for found in _conditional(each)]
    if not isinstance(value, dict):
        return []
    own = value.get("reference")
    inside = [found for each in value.values() for found in _conditional(each)]
    return [own, *inside] if isinstance(own, str) and "?" in own else inside


def _do(clinic: Clinic, entry: Entry, references: dict[str, str]) -> Reply:
    request, body = entry.request, rewritten(entry.resource, references)
    if entry.method == "GET":
        return clinic.read(entry.kind, entry.id) if entry.id else clinic.search(entry.kind, parse_qsl(entry.condition))
    if entry.method == "POST":
        return clinic.create(entry.kind, body, unless=str(request.get("ifNoneExist", "")), id_=entry.id)
    return clinic.update(entry.kind, entry.id, body, match=str(request.get("ifMatch", "")))


def _told(reply: Reply) -> Resource:
    """With the resource: what was written may differ from what was sent."""
    resource, response = reply.body, {"status": WORDS[reply.status]}
    if "meta" in resource:
        version = resource["meta"]["versionId"]
        response["location"] = f"{resource['resourceType']}/{resource['id']}/_history/{version}"
        response["etag"], response["lastModified"] = reply.headers["ETag"], resource["meta"]["lastUpdated"]
    return {"resource": resource, "response": response}
