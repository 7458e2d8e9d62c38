"""One FHIR server over HTTP: requests that tell whether anything can have happened, searches that trust nothing.

- searches with personal data go by POST to `_search`, so that no log of any server keeps them (R4 http.html#search);
- `next` links are followed on the same origin alone, and so many pages at most;
- the `self` link says which parameters the server has used: one it ignored found everybody;
- what is not JSON is not FHIR R4 as we speak it, and is refused in plain words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from portal.adapters.mis._http import Http, Params
from portal.adapters.mis.fhir_r4.refusals import refusal, what_came
from portal.adapters.mis.fhir_r4.text import Resource, decoded, encoded, own
from portal.mis.ports import Changed, Gone, MisBroken, MisBusy, MisUnknown, TimeTaken

JSON = "application/fhir+json"
MOST_PAGES = 200
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Resource
    headers: httpx.Headers

    @property
    def clock(self) -> datetime | None:
        """When the server says it is."""
        try:
            told: datetime = parsedate_to_datetime(self.headers.get("Date", ""))
            return told.astimezone(UTC)
        except ValueError:
            return None


class TornTransaction(Exception):
    """A part was done and a part refused. `statuses` and `entries` of the answer, in the order they were sent."""

    def __init__(self, statuses: list[int], entries: list[Resource]) -> None:
        super().__init__(f"{statuses}")
        self.statuses, self.entries = statuses, entries


class Wire:
    """Thread-safe. `read` and `write` are seconds per request; `bases`: other addresses that the server goes by."""

    def __init__(
        self, *, url: str, token: str, login: str, password: str, read: float, write: float, bases: tuple[str, ...] = ()
    ) -> None:
        self.base = url + "/"
        self.bases = {self.base, *(f"{base.rstrip('/')}/" for base in bases)}
        # A server may answer a repeated search from memory: what was free a minute ago is of no use.
        headers = {"Accept": JSON, "Prefer": "return=representation", "Cache-Control": "no-cache"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = Http(headers=headers, login=login, password=password, read=read, write=write)

    # Reads -----------------------------------------------------------------------------------------------------

    def read(self, path: str) -> Answer:
        """GET that finds something, or Gone."""
        return self._judged(self._send("GET", path, is_write=False), is_write=False)

    def find(self, kind: str, id_: str) -> Answer | None:
        """One resource; None when it was deleted (410) or never was (404)."""
        if not ID.fullmatch(id_):
            raise MisBroken("bad-id", "an id that FHIR does not allow")
        try:
            answer = self.read(f"{kind}/{id_}")
        except Gone:
            return None
        if answer.body.get("resourceType") != kind:  # 200 and an OperationOutcome, say
            raise MisBroken("not-the-resource", f"{kind}: something else came")
        return answer

    def search(self, kind: str, params: Params, *, is_private: bool = False) -> Iterator[Resource]:
        """All resources of `kind` that match, page after page, each once. `is_private`: by POST."""
        page = self._page(kind, params, is_private=is_private)
        if is_private and not _used(page, params):
            return  # it ignored what was asked: whoever it lists is not whom we meant
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            new = {str(one.get("id")): one for one in _resources(page, kind)}
            yield from (one for id_, one in new.items() if id_ not in seen)
            seen |= new.keys()
            following = self._next(page)
            if following:
                page = self._follow(following, params, is_private=is_private)
            elif is_private or not _may_go_on(page, params, len(seen)):
                return  # nobody shares a phone or a birthday with a whole page
            else:
                page = self._by_offset(kind, params, seen)
        raise MisBroken("too-many-pages", f"{kind}: more than {MOST_PAGES} pages")

    def _page(self, kind: str, params: Params, *, is_private: bool) -> Resource:
        if is_private:
            answer = self._send("POST", f"{kind}/_search", is_write=False, form=params)
        else:
            answer = self._send("GET", kind, is_write=False, params=params)
        try:
            return _bundle(self._judged(answer, is_write=False))
        except Gone:
            raise MisBroken("not-offered", f"{kind} cannot be searched there") from None

    def _follow(self, address: str, params: Params, *, is_private: bool) -> Resource:
        """The next page. A server may repeat in its address what it was asked in a form: then by a form again."""
        parts = urlsplit(address)
        asked = parse_qsl(parts.query, keep_blank_values=True)
        secret = {name for name, _value in params if not name.startswith("_")}
        if is_private and secret & {name.partition(":")[0] for name, _value in asked}:
            path = parts.path if parts.path.endswith("/_search") else f"{parts.path}/_search"
            address = parts._replace(path=path, query="").geturl()
            return _bundle(self._judged(self._send("POST", address, is_write=False, form=[*asked]), is_write=False))
        return _bundle(self._judged(self._send("GET", address, is_write=False), is_write=False))

    def _by_offset(self, kind: str, params: Params, seen: set[str]) -> Resource:
        """A full page without a link: some servers go on when they are told how many we have."""
        page = self._page(kind, [*params, ("_offset", len(seen))], is_private=False)
        found = {str(one.get("id")) for one in _resources(page, kind)}
        if found and found <= seen:
            raise MisBroken("incomplete", f"{kind}: a full page, and no way to the next one")
        return page

    def _next(self, bundle: Resource) -> str | None:
        """The address of the next page, if it is on the server we asked."""
        link = _link(bundle, "next")
        if not link:
            return None
        address = urljoin(self.base, link)
        if urlsplit(address)[:2] != urlsplit(self.base)[:2]:
            raise MisBroken("foreign-page", "the next page is said to be on another server")
        return address

    # Writes ----------------------------------------------------------------------------------------------------

    def create(self, kind: str, body: Resource, *, if_none_exist: str = "") -> Answer:
        headers = {"If-None-Exist": if_none_exist} if if_none_exist else {}
        response = self._send("POST", kind, is_write=True, body=body, headers=headers)
        try:
            return self._written(kind, "", response)
        except TimeTaken as taken:
            if kind == "Appointment":
                raise
            raise MisBusy("conflict", taken.detail) from None  # another one like it is being made right now

    def update(self, kind: str, id_: str, body: Resource, version: str) -> Answer:
        """Only if nobody has changed it since: Changed."""
        headers = {"If-Match": f'W/"{version}"'} if version else {}
        response = self._send("PUT", f"{kind}/{id_}", is_write=True, body=body, headers=headers)
        try:
            return self._written(kind, id_, response)
        except TimeTaken as older:  # 409 is what servers said before 412 became the rule
            raise Changed(older.detail) from None

    def transact(self, entries: list[Resource]) -> list[Resource]:
        """All of it or nothing: Changed. The answer's entries are in the same order. TornTransaction."""
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        try:
            answer = self._judged(self._send("POST", "", is_write=True, body=bundle), is_write=True)
        except (TimeTaken, Gone) as older:  # 409 before 412 was the rule; a slot that has another id since last night
            raise Changed(older.detail) from None
        told = [one for one in answer.body.get("entry") or [] if isinstance(one, dict)]
        statuses = [_status(one) for one in told]
        if len(statuses) != len(entries) or 0 in statuses:
            raise MisUnknown("torn-transaction", "the server does not say what it did")
        if max(statuses) >= 300:
            raise TornTransaction(statuses, told)
        return told

    def operate(self, path: str, body: Resource) -> Answer:
        return self._judged(self._send("POST", path, is_write=True, body=body), is_write=True)

    def _written(self, kind: str, id_: str, response: httpx.Response) -> Answer:
        """What was written: as it was answered, or read again where that is not told (Prefer is not obeyed)."""
        answer = self._judged(response, is_write=True, is_empty_good=bool(id_))
        if answer.body.get("resourceType") == kind:
            return answer
        if is_error(answer.body):
            raise MisUnknown("not-the-resource", "a write was answered with an error that calls itself a success")
        id_ = id_ or id_in(answer.headers.get("Location", ""), kind)
        if not id_:
            raise MisUnknown("no-location", "written, and nobody says where")
        return self.read_back(kind, id_)

    def read_back(self, kind: str, id_: str) -> Answer:
        """What was written a moment ago. Its answer is part of the write: silence leaves it unknown."""
        try:
            found = self.find(kind, id_)
        except (MisBusy, MisBroken) as error:
            raise MisUnknown("not-read-back", error.code) from None
        if found is None:
            raise MisUnknown("not-found-again", "written, and not to be found")
        return found

    # One request -----------------------------------------------------------------------------------------------

    def _send(
        self,
        method: str,
        path: str,
        *,
        is_write: bool,
        body: Resource | None = None,
        params: Params | None = None,
        form: Params | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        more, content = dict(headers or {}), None
        if body is not None:
            content, more["Content-Type"] = encoded(body), JSON
        elif form is not None:
            content = str(httpx.QueryParams(form)).encode()
            more["Content-Type"] = "application/x-www-form-urlencoded"
        url = path if path.startswith("http") else (self.base + path).rstrip("/")
        return self._http.send(method, url, is_write=is_write, params=params, content=content, headers=more)

    def _judged(self, response: httpx.Response, *, is_write: bool, is_empty_good: bool = False) -> Answer:
        """A good answer, or the error that it means."""
        status, body = response.status_code, decoded(response.content)
        if status >= 300:
            raise refusal(status, body, is_write, response)
        is_good = is_write and ("Location" in response.headers or (is_empty_good and not response.content))
        if body is None and not is_good:
            raise MisUnknown("not-fhir") if is_write else MisBroken("not-fhir", what_came(response))
        return Answer(status, own(body or {}, self.bases), response.headers)


def is_error(body: Resource) -> bool:
    """An OperationOutcome that says so, whatever the status of the answer."""
    issues = body.get("issue") if body.get("resourceType") == "OperationOutcome" else []
    return any(isinstance(one, dict) and one.get("severity") in ("fatal", "error") for one in issues or [])


def id_in(address: str, kind: str) -> str:
    """The id in `…/Appointment/5/_history/1`; "" when there is none."""
    place = [part for part in urlsplit(address).path.partition("/_history")[0].split("/") if part]
    return place[-1] if len(place) > 1 and place[-2] == kind else ""


def _status(entry: Resource) -> int:
    response = entry.get("response")
    said = str(response.get("status", ""))[:3] if isinstance(response, dict) else ""
    return int(said) if said.isdigit() else 0


def _bundle(answer: Answer) -> Resource:
    if answer.body.get("resourceType") != "Bundle":
        raise MisBroken("not-a-bundle", "a search was answered with something else")
    return answer.body


def _resources(bundle: Resource, kind: str) -> Iterator[Resource]:
    """What was found, without what came with it."""
    for entry in bundle.get("entry") or []:
        found = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(found, dict) and found.get("resourceType") == kind:
            how: Any = entry.get("search")
            if not isinstance(how, dict) or how.get("mode") in ("match", None):
                yield found


def _may_go_on(bundle: Resource, params: Params, seen: int) -> bool:
    """Without a next link: is there more than was told? Who writes links at all would have written this one."""
    total = bundle.get("total")
    if isinstance(total, int):
        return total > seen
    asked = int(str(dict(params).get("_count") or 0))
    return bool(asked and len(bundle.get("entry") or []) >= asked and not _link(bundle, "self"))


def _link(bundle: Resource, relation: str) -> str:
    links = [one for one in bundle.get("link") or [] if isinstance(one, dict)]
    return next((str(one.get("url", "")) for one in links if one.get("relation") == relation), "")


def _used(bundle: Resource, params: Params) -> bool:
    """Did the server use every parameter that finds somebody? Nobody knows without a self link: all is judged anew."""
    link = _link(bundle, "self")
    names = {name.partition(":")[0] for name, _value in parse_qsl(urlsplit(link).query, keep_blank_values=True)}
    return not names or all(name.partition(":")[0] in names for name, _value in params if not name.startswith("_"))
