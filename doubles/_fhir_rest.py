"""The FHIR interactions on one resource, under the clinic's rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from doubles import _fhir_search as search
from doubles._fhir_checks import check
from doubles._fhir_errors import Refusal
from doubles._fhir_params import PARAMS
from doubles._fhir_rules import actor_of, check_slots, encounter_of, moment, settle
from doubles._fhir_store import Gone, Resource, Store

ETAG = re.compile(r'(?:W/)?"([^"]*)"')


@dataclass
class Reply:
    status: int
    body: Resource
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Clinic:
    """The store as FHIR's interactions see it. `base`: the address this request came to.

    `is_wrong_patient`: it was ordered to write new Appointments down for somebody else; `is_careless`: to give away
    a time that is taken.
    """

    store: Store
    base: str
    is_wrong_patient: bool = False
    is_careless: bool = False

    def read(self, kind: str, id_: str, *, version: str = "", unless: str = "") -> Reply:
        """`unless`: an If-None-Match; 304 when it is still that version."""
        resource = self._found(kind, id_, version)
        reply = self.reply(resource, 200)
        is_same = unless and version_in(unless) == resource["meta"]["versionId"]
        return Reply(304, {}, reply.headers) if is_same else reply

    def create(self, kind: str, body: Any, *, unless: str = "", id_: str = "") -> Reply:
        """`unless`: an If-None-Exist; the one that matches is answered instead."""
        resource = check(body, kind)
        with self.writing():
            known = self.one(kind, unless) if unless else None
            if known is not None:
                return self.reply(known, 200)
            if kind == "Appointment":
                resource = settle(self.store, None, self._for_somebody(resource))
            return self.reply(self.store.insert(resource, id_), 201)

    def update(self, kind: str, id_: str, body: Any, *, match: str = "") -> Reply:
        """`match`: an If-Match."""
        resource = check(body, kind)
        if resource.get("id") != id_:
            raise Refusal(400, "invalid", "The id in the body is not the one in the address")
        with self.writing():
            old = self._to_update(kind, id_)
            if match and version_in(match) != old["meta"]["versionId"]:
                raise Refusal(412, "conflict", f"It is version {old['meta']['versionId']} now")
            return self.reply(self.change(old, resource), 200)

    def search(self, kind: str, given: search.Given, *, strict: bool = False, foreign: bool = False) -> Reply:
        self.check_kind(kind)
        with self.store.lock:
            query = search.parse(kind, given, self.store, base=self.base, strict=strict)
            return Reply(200, search.bundle(self.store, query, self.base, foreign=foreign))

    def change(self, old: Resource, new: Resource) -> Resource:
        """Write a new version, with what follows from it."""
        with self.writing():
            if old["resourceType"] == "Appointment":
                kept = self.store.update(settle(self.store, old, new))
                if kept["status"] == "fulfilled":
                    encounter_of(self.store, kept)
                return kept
            if old["resourceType"] == "Slot":
                self._note(old, new)
            return self.store.update(new)

    def _note(self, old: Resource, new: Resource) -> None:
        self.store.touched.add(f"Slot/{old['id']}")
        if old["status"] == "free" and new["status"] != "free":
            self.store.flipped.add(old["id"])

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or nothing, and at the end no Slot contradicts an Appointment."""
        with self.store.transaction():
            self.store.is_careless |= self.is_careless
            yield
            if self.store.depth == 1:
                check_slots(self.store, self.store.touched)

    def reply(self, resource: Resource, status: int) -> Reply:
        kind, id_, meta = resource["resourceType"], resource["id"], resource["meta"]
        headers = {
            "ETag": f'W/"{meta["versionId"]}"',
            "Last-Modified": format_datetime(moment(meta["lastUpdated"]), usegmt=True),
        }
        if status == 201:
            headers["Location"] = f"{self.base}/{kind}/{id_}/_history/{meta['versionId']}"
        return Reply(status, resource, headers)

    def one(self, kind: str, condition: str) -> Resource | None:
        """The resource a condition matches, None when there is none; 412 when there are more."""
        self.check_kind(kind)
        found = search.matches(self.store, kind, parse_qsl(condition.removeprefix("?")), self.base)
        if len(found) > 1:
            raise Refusal(412, "multiple-matches", "The condition matches more than one")
        return found[0] if found else None

    def check_kind(self, kind: str) -> None:
        if kind not in PARAMS:
            raise Refusal(404, "not-supported", "This type is not kept here")

    def _found(self, kind: str, id_: str, version: str) -> Resource:
        self.check_kind(kind)
        try:
            found = self.store.version_of(kind, id_, version) if version else self.store.find(kind, id_)
        except Gone:
            raise Refusal(410, "deleted", f"{kind}/{id_} was deleted") from None
        if found is None:
            raise Refusal(404, "not-found", f"{kind}/{id_} is not known")
        return found

    def _to_update(self, kind: str, id_: str) -> Resource:
        try:
            return self._found(kind, id_, "")
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            raise Refusal(405, "not-supported", "Ids are given by this server: create it with POST") from None

    def _for_somebody(self, appointment: Resource) -> Resource:
        if not self.is_wrong_patient:
            return appointment
        asked = actor_of(appointment, "Patient")
        rows = self.store.db.execute("SELECT id FROM resource WHERE type = 'Patient' AND NOT deleted ORDER BY n")
        other = next(f"Patient/{id_}" for (id_,) in rows.fetchall() if f"Patient/{id_}" != asked)
        return dict(rewritten(appointment, {asked: other}))


def version_in(tag: str) -> str:
    """The version an ETag names; what is no ETag names none."""
    found = ETAG.fullmatch(tag.strip())
    return found[1] if found else ""


def rewritten(value: Any, references: dict[str, str]) -> Any:
    """A copy in which references are replaced."""
    if isinstance(value, list):
        return [rewritten(each, references) for each in value]
    if not isinstance(value, dict):
        return value
    copy = {name: rewritten(each, references) for name, each in value.items()}
    if isinstance(copy.get("reference"), str):
        copy["reference"] = references.get(copy["reference"], copy["reference"])
    return copy
