"""A FHIR server of the test process, as odd as a test wants it: it keeps what it is given and checks nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from portal.mis.line import build
from portal.mis.mapping import Mapping
from portal.mis.ports import Mis
from tests.contracts.mis.between import Seen, serving

Resource = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
FHIR = {"Content-Type": "application/fhir+json"}
DAY = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0) + timedelta(days=3)
KINDS = ("Practitioner", "PractitionerRole", "Location", "Schedule", "Slot", "Appointment", "Patient", "Encounter")


def to(target: str) -> Resource:
    return {"reference": target}


def a_slot(n: int, **more: Any) -> Resource:
    start = DAY + n * timedelta(minutes=30)
    stamps = {"start": start.isoformat(), "end": (start + timedelta(minutes=30)).isoformat()}
    return {"resourceType": "Slot", "id": f"slot{n}", "schedule": to("Schedule/s1"), "status": "free", **stamps, **more}


def a_visit(n: int, **more: Any) -> Resource:
    who = [to("PractitionerRole/r1"), to("Patient/p1")]
    made: Resource = {"resourceType": "Appointment", "id": f"visit{n}", "status": "booked"}
    stamps = {name: a_slot(n)[name] for name in ("start", "end")}
    return {**made, **stamps, "participant": [{"actor": one, "status": "accepted"} for one in who], **more}


def a_clinic() -> dict[str, list[Resource]]:
    role = {"practitioner": to("Practitioner/d1"), "location": [to("Location/l1")], "specialty": [{"text": "Терапевт"}]}
    return {
        "Practitioner": [_kept("Practitioner", "d1", name=[{"family": "Ким", "given": ["Яна"]}])],
        "PractitionerRole": [_kept("PractitionerRole", "r1", **role)],
        "Location": [_kept("Location", "l1", name="Первая, 1")],
        "Schedule": [_kept("Schedule", "s1", actor=[to("PractitionerRole/r1")])],
        "Slot": [a_slot(n) for n in range(6)],
        "Patient": [_kept("Patient", "p1", name=[{"family": "Ли", "given": ["Ян"]}])],
    }


def _kept(kind: str, id_: str, **more: Any) -> Resource:
    return {"resourceType": kind, "id": id_, **more}


def a_statement(**more: Any) -> Resource:
    codes = [{"code": code} for code in ("read", "create", "update", "search-type")]
    resources = [{"type": kind, "interaction": codes} for kind in KINDS]
    made = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"resource": resources}]}
    return {**made, **more}


@dataclass
class Scripted:
    """`special` is asked first, and may leave a request to the rest; `next_link` and `cap` make pages."""

    kept: dict[str, list[Resource]] = field(default_factory=a_clinic)
    statement: Resource = field(default_factory=a_statement)
    special: Callable[[Seen], Answer | None] = lambda seen: None
    cap: int = 10_000
    has_links: bool = True
    has_total: bool = False
    knows_offset: bool = True
    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    def mis(self, **more: Any) -> Mis:
        """The adapter that calls this server."""
        return build(
            Mapping.model_validate({"vendor": "fhir_r4", "url": self.url, "timezone": "Europe/Moscow", **more})
        )

    def answer(self, seen: Seen) -> Answer:
        told = self.special(seen)
        parts = [part for part in urlsplit(seen.path).path.split("/") if part]
        if told is not None:
            return told
        if parts == ["metadata"]:
            return said(self.statement)
        if seen.method == "GET" and len(parts) == 2:
            return self._one(*parts)
        if seen.method == "GET" or parts[-1] == "_search":
            return said(self._page(parts[0], seen))
        return self._keep(json.loads(seen.body))

    def _one(self, kind: str, id_: str) -> Answer:
        found = [one for one in self.kept.get(kind, []) if one["id"] == id_]
        return said(found[0]) if found else said(an_outcome("not-found"), 404)

    def _page(self, kind: str, seen: Seen) -> Resource:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(seen.path).query).items()}
        first = int(asked.get("_offset", 0)) if self.knows_offset else 0
        everything = self.kept.get(kind, [])
        count = min(self.cap, int(asked.get("_count", 10_000)))
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset"}
        bundle["entry"] = [{"resource": one} for one in everything[first : first + count]]
        if self.has_links and first + count < len(everything):
            address = f"{self.url}/{kind}?_offset={first + count}&_count={count}"
            bundle["link"] = [{"relation": "next", "url": address}]
        return {**bundle, "total": len(everything)} if self.has_total else bundle

    def _keep(self, body: Resource) -> Answer:
        rows = self.kept.setdefault(body["resourceType"], [])
        body.setdefault("id", f"new{len(rows)}")
        rows[:] = [*(one for one in rows if one["id"] != body["id"]), body]
        return said(body, 201)


def said(body: Resource, status: int = 200, **headers: str) -> Answer:
    return status, {**FHIR, **headers}, json.dumps(body, ensure_ascii=False).encode()


def an_outcome(code: str, severity: str = "error", text: str = "") -> Resource:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code, "diagnostics": text}]}


@contextmanager
def scripted(**settings: Any) -> Iterator[Scripted]:
    server = Scripted(**settings)
    with serving(type("Bound", (_Handler,), {"server_of": server})) as server.url:
        yield server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_of: Scripted

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        seen = Seen(self.command, self.path, dict(self.headers), body)
        self.server_of.seen.append(seen)
        status, headers, content = self.server_of.answer(seen)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815
