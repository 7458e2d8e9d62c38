"""Search: parameters of an address become SQL; what was not understood is left out and not told in `self`."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from doubles._fhir_errors import Refusal
from doubles._fhir_params import PARAMS, Param, digits, plain, span
from doubles._fhir_store import Resource, Store

LARGEST, USUAL = 200, 50
PAGE = "_getpages"
INCLUDES = {
    "Slot": ["schedule"],
    "Schedule": ["actor"],
    "Appointment": ["patient", "practitioner", "slot"],
    "PractitionerRole": ["practitioner"],
    "Encounter": ["appointment", "patient"],
}
PREFIX = re.compile(r"(eq|ne|gt|ge|lt|le)?(.*)", re.DOTALL)
OTHER_PREFIX = re.compile(r"(sa|eb|ap)\d")
Given = list[tuple[str, str]]


@dataclass
class Query:
    """One search. `used`: what of the given was understood; `after`: (key, n) of the last match of the page before."""

    kind: str
    used: Given = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    count: int = USUAL
    sort: str = ""
    includes: list[str] = field(default_factory=list)
    after: tuple[str, int] | None = None


def parse(kind: str, given: Given, store: Store, *, base: str, strict: bool) -> Query:
    """Raises Refusal for a value that makes no sense, and in `strict` for a parameter that is not known."""
    query = Query(kind)
    for name, value in given:
        if not value:
            continue
        if name == PAGE:
            return _continued(value, store, base=base)
        if _control(query, name, value) or _condition(query, name, value, store, base):
            query.used.append((name, value))
        elif strict:
            raise Refusal(400, "not-supported", f"Unknown search parameter {name} of {kind}")
    return query


def _continued(token: str, store: Store, *, base: str) -> Query:
    """The search a link to the next page stands for."""
    try:
        kind, used, key, n = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        raise Refusal(400, "value", "This page is not known") from None
    query = parse(kind, [(name, value) for name, value in used], store, base=base, strict=False)
    query.after = (key, n)
    return query


def _control(query: Query, name: str, value: str) -> bool:
    """Parameters about the answer; False for others."""
    if name == "_count":
        if not value.isdecimal():
            raise Refusal(400, "value", "_count is a number")
        query.count = min(int(value), LARGEST)
    elif name == "_sort" and _sortable(query.kind, value):
        query.sort = value
    elif name == "_include" and value.partition(":")[0] == query.kind:
        wanted = value.split(":")[1]
        if wanted not in INCLUDES.get(query.kind, []):
            return False
        query.includes.append(wanted)
    else:
        return name == "_format"
    return True


def _sortable(kind: str, value: str) -> bool:
    param = PARAMS[kind].get(value.removeprefix("-"))
    return param is not None and param.kind == "date"


def _condition(query: Query, name: str, value: str, store: Store, base: str) -> bool:
    found = condition(query.kind, name, value, store, base)
    if found is None:
        return False
    query.where.append(found[0])
    query.values += found[1]
    return True


def condition(kind: str, name: str, value: str, store: Store, base: str) -> tuple[str, list[Any]] | None:
    """SQL over `r.n` and its values; None for a parameter that is not known."""
    head, _, chained = name.partition(".")
    head, _, modifier = head.partition(":")
    param = PARAMS[kind].get(head)
    if param is None or (chained and not param.target):
        return None
    if chained:
        return _chain(kind, head, param, chained, value, store, base)
    _check_modifier(param, modifier)
    alternatives = [_one(param, modifier, each, store, base) for each in _split(value)]
    tests = " OR ".join(f"({sql})" for sql, _ in alternatives)
    inside = "NOT IN" if modifier == "not" or _negative(param, value) else "IN"
    sql = f"r.n {inside} (SELECT n FROM idx WHERE param = ? AND ({tests}))"  # noqa: S608 - the tests are ours
    return sql, [f"{kind}.{head}", *(each for _, values in alternatives for each in values)]


def _chain(
    kind: str, head: str, param: Param, rest: str, value: str, store: Store, base: str
) -> tuple[str, list[Any]] | None:
    """`schedule.actor=…`: the reference leads to one that the rest finds."""
    found = condition(param.target, rest, value, store, base)
    if found is None:
        return None
    targets = f"SELECT r.type || '/' || r.id FROM resource r WHERE r.type = ? AND NOT r.deleted AND {found[0]}"  # noqa: S608
    sql = f"r.n IN (SELECT n FROM idx WHERE param = ? AND value IN ({targets}))"  # noqa: S608
    return sql, [f"{kind}.{head}", param.target, *found[1]]


def _check_modifier(param: Param, modifier: str) -> None:
    known = {"string": ("exact", "contains"), "token": ("not",)}.get(param.kind, ())
    if modifier and modifier not in known:
        raise Refusal(400, "not-supported", f"Modifier :{modifier} is not supported here")


def _split(value: str) -> list[str]:
    """Alternatives between commas that are not escaped; backslashes are still there for `|` and `$`."""
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", value)]


def _negative(param: Param, value: str) -> bool:
    return param.kind == "date" and value.startswith("ne")


def _one(param: Param, modifier: str, value: str, store: Store, base: str) -> tuple[str, list[Any]]:
    if param.kind == "date":
        return _date(value, store)
    if param.kind == "reference":
        return _reference(value, base)
    if param.kind == "string":
        return _string(value, modifier)
    if param.kind == "phone":
        return "value = ?", [digits(value)]
    return _token(value)


def _date(value: str, store: Store) -> tuple[str, list[Any]]:
    """The stored range is (value, extra), the given one (low, high), `high` just outside."""
    if OTHER_PREFIX.match(value):
        raise Refusal(400, "not-supported", "Prefixes are eq ne gt ge lt le")
    prefix, rest = PREFIX.fullmatch(value).groups()  # type: ignore[union-attr] # it matches everything
    try:
        low, high = span(rest, store.zone)
    except ValueError:
        raise Refusal(400, "value", "Not a date; a plus sign in an address is %2B") from None
    tests: dict[str, tuple[str, list[Any]]] = {
        "gt": ("extra >= ?", [high]),
        "ge": ("extra >= ?", [low]),
        "lt": ("value < ?", [low]),
        "le": ("value < ?", [high]),
    }
    return tests.get(prefix or "eq", ("value >= ? AND extra <= ? AND value < ?", [low, high, high]))


def _reference(value: str, base: str) -> tuple[str, list[Any]]:
    value = value.removeprefix(f"{base}/")
    return ("value = ?", [value]) if "/" in value else ("extra = ?", [value])


def _string(value: str, modifier: str) -> tuple[str, list[Any]]:
    if modifier == "exact":
        return "extra = ?", [value]
    if modifier == "contains":
        return "instr(value, ?) > 0", [plain(value)]
    return "value >= ? AND value < ?", [plain(value), plain(value) + "\U0010ffff"]


def _token(value: str) -> tuple[str, list[Any]]:
    system, bar, code = value.replace("\\|", "\0").partition("|")
    if not bar:
        return "value = ?", [system.replace("\0", "|")]
    if not code:
        return "extra = ?", [system]
    return "value = ? AND extra = ?", [code.replace("\0", "|"), system]


# The answer ------------------------------------------------------------------------------------------------------


def run(store: Store, query: Query) -> tuple[int, list[tuple[str, int, Resource]], bool]:
    """How many there are, one page of (sort key, n, resource), and whether more follow."""
    kind = "+r.type = ?" if query.where else "r.type = ?"  # the plus: start from the conditions, they leave fewer
    where = " AND ".join([kind, "NOT r.deleted", *query.where])
    key, down = _key(query)
    sql = f"SELECT {key}, r.n FROM resource r WHERE {where} ORDER BY 1, 2"  # noqa: S608
    with store.lock:
        rows = [(str(row[0]), int(row[1])) for row in store.db.execute(sql, [query.kind, *query.values])]
        total = len(rows)
        if down:
            rows.reverse()
        if query.after:
            rows = [row for row in rows if (row < query.after if down else row > query.after)]
        page = rows[: query.count]
        bodies = _bodies(store, [n for _, n in page])
    found = [(key, n, json.loads(bodies[n])) for key, n in page]
    return total, found, len(rows) > query.count > 0


def _bodies(store: Store, numbers: list[int]) -> dict[int, str]:
    sql = f"SELECT n, body FROM resource WHERE n IN ({_marks(numbers)})"  # noqa: S608
    return dict(store.db.execute(sql, numbers).fetchall())


def _key(query: Query) -> tuple[str, bool]:
    """SQL of what it is sorted by, and whether downwards. The name was checked against the known ones."""
    name, down = query.sort.removeprefix("-"), query.sort.startswith("-")
    if not name:
        return "''", False
    if name == "_lastUpdated":
        return "r.updated", down
    first = f"SELECT min(value) FROM idx INDEXED BY idx_n WHERE n = r.n AND param = '{query.kind}.{name}'"  # noqa: S608
    return f"coalesce(({first}), '')", down


def bundle(store: Store, query: Query, base: str, *, foreign: bool = False) -> Resource:
    """The searchset. `foreign`: the link to the next page leads to another host, as it must never."""
    total, found, is_more = run(store, query)
    links = [{"relation": "self", "url": _self(query, base)}]
    if is_more or foreign:
        host = "http://fhir.invalid/fhir" if foreign else base
        key, n = found[-1][:2] if found else ("", 0)
        links.append({"relation": "next", "url": f"{host}/{query.kind}?{PAGE}={_page(query, key, n)}"})
    entries = [_entry(resource, base, "match") for _, _, resource in found]
    entries += [_entry(resource, base, "include") for resource in _included(store, query, found)]
    answer: Resource = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    return {**answer, "entry": entries} if entries else answer


def _self(query: Query, base: str) -> str:
    asked = urlencode(query.used, safe=":/|,")
    return f"{base}/{query.kind}?{asked}" if asked else f"{base}/{query.kind}"


def _page(query: Query, key: str, n: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([query.kind, query.used, key, n]).encode()).decode()


def _entry(resource: Resource, base: str, mode: str) -> Resource:
    url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _included(store: Store, query: Query, found: list[tuple[str, int, Resource]]) -> list[Resource]:
    """Each once, however many lead to it."""
    if not query.includes or not found:
        return []
    params = [f"{query.kind}.{name}" for name in query.includes]
    numbers = [n for _, n, _ in found]
    sql = f"SELECT DISTINCT value FROM idx WHERE param IN ({_marks(params)}) AND n IN ({_marks(numbers)})"  # noqa: S608
    with store.lock:
        references = [row[0] for row in store.db.execute(sql, [*params, *numbers]).fetchall()]
        resources = [store.at(reference) for reference in references]
    return [resource for resource in resources if resource]


def _marks(values: list[Any]) -> str:
    return ", ".join("?" for _ in values)


def matches(store: Store, kind: str, asked: Given, base: str) -> list[Resource]:
    """What a condition such as `identifier=…` finds, for conditional creates and our own use."""
    query = parse(kind, asked, store, base=base, strict=True)
    if not query.where:
        raise Refusal(412, "incomplete", "The condition has no parameter")
    query.count = LARGEST
    return [resource for _, _, resource in run(store, query)[1]]
