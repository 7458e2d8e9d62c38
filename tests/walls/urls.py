"""Every address × every member of the cast: what they get. A new address without a row here fails CI.

A row is (method, arguments, posted data) → status per member. `opens` marks pages that show patient data: whoever
gets 200 must have left an opened door on the trail. Statuses: 200 shown, 302 done or sent on (visitors: to sign in),
403 not theirs to do, 404 does not exist for them, 409 a conflict, 422 bad input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.cast import at, uid

VISITOR = ("visitor",)
PATIENTS = ("anna", "boris", "zoya")
DOCTORS = ("vera", "gleb", "dina")
REGISTRARS = ("rita", "foma")
OTHERS = ("oleg", "alla")
STAFF = (*DOCTORS, *REGISTRARS, *OTHERS)
EVERYONE = (*VISITOR, *PATIENTS, *STAFF)
UNKNOWN = UUID(int=1)


def all_get(status: int) -> dict[str, int]:
    return dict.fromkeys(EVERYONE, status)


def table(visitor: int, patients: int, staff: int, **exceptions: int) -> dict[str, int]:
    return {"visitor": visitor} | dict.fromkeys(PATIENTS, patients) | dict.fromkeys(STAFF, staff) | exceptions


@dataclass(frozen=True)
class Row:
    name: str
    expected: dict[str, int]
    args: tuple[Any, ...] = ()
    method: str = "GET"
    data: Callable[[], dict[str, Any]] = field(default=dict)
    opens: bool = False

    @property
    def label(self) -> str:
        arguments = "-".join("other" if a == UNKNOWN else str(a)[:8] for a in self.args)
        return f"{self.method} {self.name} {arguments}".strip()


def chip() -> dict[str, str]:
    return {
        "role": str(uid("role-vera")),
        "service": str(uid("therapist-first")),
        "start": f"in-person|{at(10).isoformat()}",
    }


def to_the_mis() -> dict[str, str]:
    return {"master": "mis"}


def to_the_portal() -> dict[str, str]:
    return {"master": "portal"}


def any_chip() -> dict[str, str]:
    return {"specialty": "therapist", "near": "shore-place", "start": f"in-person|{at(10).isoformat()}"}


def two_chips() -> dict[str, list[str]]:
    return {"time": [_press("vera", "therapist", 10), _press("dina", "cardiologist", 11)]}


def _press(doctor: str, specialty: str, hour: int) -> str:
    return f"{uid(f'role-{doctor}')}|{uid(f'{specialty}-first')}|in-person|{at(hour).isoformat()}"


def rule() -> dict[str, str]:
    hours = {"start": "18:00", "end": "20:00", "step_minutes": "20", "modes": "in-person"}
    days = {"weekday": "0", "weeks": "every", "valid_from": "2026-01-01"}
    return {f"rule-{name}": value for name, value in (hours | days).items()}


def vacation() -> dict[str, str]:
    return {"exception-kind": "vacation", "exception-first_day": "2027-01-11", "exception-step_minutes": "20"}


def timings() -> dict[str, str]:
    return {"quiet_from": "21:00", "quiet_until": "09:00"}


def unseen() -> dict[str, str]:
    return {"seen": "0"}


def own_text() -> dict[str, str]:
    return unseen() | {"sms": "{when}, {where}: {link}", "subject": "{when}", "body": "{when}, {where}: {link}"}


def person() -> dict[str, str]:
    return {
        "family_name": "Белова",
        "given_name": "Анна",
        "birth_date": "12.03.1961",
        "sex": "female",
        "version": "1",
    }


def numbers() -> dict[str, str]:
    return {"snils": "112-233-445 95", "system": "urn:oid:1.2.643.100.3"}


ANNAS, MILAS, BORISS = uid("visit-anna"), uid("visit-mila"), uid("visit-boris")


def answer():
    return {"version": "1"}


ROWS = [
    # Public
    Row("health-live", all_get(200)),
    Row("health-ready", all_get(200)),
    Row("scheduling:home", all_get(200)),
    Row("scheduling:results", all_get(200)),
    Row("scheduling:doctor", all_get(200), ("vera",)),
    Row("scheduling:doctor", all_get(404), ("nobody",)),
    Row("scheduling:times", all_get(400), (uid("role-vera"),)),
    Row("scheduling:services", all_get(200)),
    Row("scheduling:branches", all_get(200)),
    Row("scheduling:branch", all_get(200), ("shore-place",)),
    Row("scheduling:branch", all_get(404), ("nowhere",)),
    Row("scheduling:suggestions", all_get(200)),
    Row("scheduling:robots", all_get(200)),
    Row("scheduling:sitemap", all_get(200)),
    Row("scheduling:together", all_get(200)),
    Row("people:organization", all_get(200), ("shore",)),
    Row("people:organization", all_get(404), ("nowhere",)),
    Row("people:legal", all_get(200), ("policy",)),
    Row("people:legal", all_get(200), ("rules",)),
    Row("people:legal", all_get(200), ("consent-account",)),
    Row("web:design", all_get(200)),
    Row("web:look", all_get(303), method="POST", data=lambda: {"theme": "dark", "next": "/"}),
    Row("web:brand", all_get(404)),
    Row("web:manifest", all_get(200)),
    Row("notifications:worker", all_get(200)),
    # From outside: a messenger without our secret, a browser's worker without a message of ours
    Row("notifications:chat-hook", all_get(403), method="POST"),
    Row("notifications:shown", all_get(400), method="POST"),
    Row("notifications:shown", all_get(404), method="POST", data=lambda: {"id": "0" * 22}),
    # Signing in
    Row("people:sign-in", table(200, 302, 302)),
    Row("people:sign-in", table(422, 302, 302), method="POST"),
    Row("people:code", all_get(302)),
    Row("people:code-again", all_get(302), method="POST"),
    Row("people:consent", all_get(302)),
    Row("people:new", all_get(302)),
    Row("people:sign-out", all_get(302), method="POST"),
    Row("people:staff-sign-in", all_get(200)),
    Row("people:staff-code", all_get(302)),
    Row("people:staff-invite", all_get(404), ("invented-token",)),
    Row("people:sessions-end", table(302, 302, 302), method="POST"),
    # Booking
    Row("scheduling:hold", table(302, 302, 403, rita=302, foma=302), method="POST", data=chip),
    Row("scheduling:hold", all_get(422), method="POST"),
    Row("scheduling:check", all_get(404), (UNKNOWN,)),
    Row("scheduling:check", all_get(404), (ANNAS,)),
    Row("scheduling:confirm", table(302, 404, 403), (UNKNOWN,), method="POST"),
    Row("scheduling:confirm", table(302, 404, 403), (ANNAS,), method="POST"),
    Row("scheduling:hold-any", table(302, 302, 403, rita=302, foma=302), method="POST", data=any_chip),
    Row("scheduling:hold-any", all_get(422), method="POST"),
    Row("scheduling:hold-together", table(302, 302, 403, rita=302, foma=302), method="POST", data=two_chips),
    Row("scheduling:hold-together", all_get(422), method="POST"),
    Row("scheduling:course", all_get(404), (UNKNOWN,)),
    Row("scheduling:extend", all_get(404), (UNKNOWN,), method="POST"),
    Row("scheduling:leave", all_get(302), method="POST"),
    # What SMS providers call: without the secret it does not exist (portal/notifications/tests/test_hooks.py)
    Row("notifications:sms-hook", all_get(404), ("smsc", "0" * 22)),
    Row("notifications:sms-hook", all_get(404), ("smsc", "0" * 22), method="POST"),
    # A message's link: a token that leads nowhere (those that lead somewhere: portal/notifications/tests/test_links.py)
    Row("notifications:link", all_get(404), ("0" * 22,)),
    Row("notifications:link", all_get(404), ("0" * 22,), method="POST", data=lambda: {"action": "cancel"}),
    Row("notifications:link-move", all_get(404), ("0" * 22,)),
    Row("notifications:own", table(302, 200, 403), opens=True),
    Row("notifications:own", table(302, 422, 403), method="POST"),
    Row("notifications:device-add", table(302, 422, 403), method="POST"),
    Row("notifications:device-remove", table(302, 404, 403), (UNKNOWN,), method="POST"),
    # While no messenger is chosen (with one: portal/notifications/tests/test_chat.py)
    Row("notifications:chat-connect", table(302, 404, 403), method="POST"),
    Row("notifications:chat-disconnect", table(302, 302, 403), method="POST"),
    Row("notifications:journal", table(302, 403, 403, rita=200, foma=200)),
    Row("notifications:message", table(302, 403, 403, rita=404, foma=404), (UNKNOWN,)),
    Row("notifications:resend", table(302, 403, 403, rita=404, foma=404), (UNKNOWN,), method="POST"),
    Row("notifications:called", table(302, 403, 403, rita=404, foma=404), (UNKNOWN,), method="POST"),
    # The person's own
    Row("people:home", table(302, 302, 403)),
    Row("scheduling:visits", table(302, 200, 403), opens=True),
    Row("scheduling:visit", table(302, 404, 403, anna=200), (ANNAS,), opens=True),
    Row("scheduling:visit", table(302, 404, 403, anna=200), (MILAS,), opens=True),
    Row("scheduling:visit", table(302, 404, 403, boris=200), (BORISS,), opens=True),
    Row("scheduling:visit", table(302, 404, 403), (UNKNOWN,), opens=True),
    Row("scheduling:calendar", table(302, 404, 403, anna=200), (ANNAS,), opens=True),
    Row("scheduling:calendar", table(302, 404, 403), (UNKNOWN,), opens=True),
    Row("scheduling:feed-page", table(302, 200, 403), opens=True),
    Row("scheduling:feed-make", table(302, 200, 403), method="POST", opens=True),
    Row("scheduling:feed-revoke", table(302, 302, 403), method="POST"),
    Row("scheduling:waiting", table(302, 200, 403), opens=True),
    # Without words of what is waited for there is nothing to wait for (with them: portal/scheduling/tests)
    Row("scheduling:waiting-join", table(302, 400, 403)),
    Row("scheduling:waiting-join", table(302, 400, 403), method="POST"),
    Row("scheduling:waiting-entry", table(302, 404, 403, anna=200), (uid("wait-anna"),), opens=True),
    Row("scheduling:waiting-entry", table(302, 404, 403), (UNKNOWN,)),
    Row(
        "scheduling:waiting-entry",
        table(302, 404, 403, anna=302),
        (uid("wait-anna"),),
        method="POST",
        data=lambda: {"action": "leave"},
    ),
    Row("scheduling:waiting-offer", table(302, 404, 403, anna=200), (uid("offer-anna"),), opens=True),
    Row("scheduling:waiting-offer", table(302, 404, 403), (UNKNOWN,)),
    Row(
        "scheduling:waiting-offer",
        table(302, 404, 403, anna=409),
        (uid("offer-anna"),),
        method="POST",
        data=lambda: {"action": "take"},
    ),
    # An address that leads nowhere (one that leads somewhere: portal/scheduling/tests/test_feed.py)
    Row("scheduling:feed", all_get(404), ("0" * 22,)),
    Row("scheduling:move", table(302, 404, 403, anna=200), (ANNAS,), opens=True),
    Row("scheduling:move", table(302, 404, 403), (UNKNOWN,), opens=True),
    Row("scheduling:cancel", table(302, 404, 403, anna=200), (ANNAS,), opens=True),
    Row("scheduling:cancel", table(302, 404, 403, anna=302), (ANNAS,), method="POST"),
    Row("scheduling:cancel", table(302, 404, 403), (UNKNOWN,), method="POST"),
    Row("people:data", table(302, 200, 403), opens=True),
    Row("people:data", table(302, 302, 403), method="POST", data=person),
    Row("people:numbers", table(302, 200, 403), opens=True),
    Row("people:numbers", table(302, 422, 403), method="POST"),
    Row("people:numbers", table(302, 302, 403), method="POST", data=numbers),
    Row("people:numbers-remove", table(302, 302, 403), method="POST", data=numbers),
    Row("people:numbers-remove", table(302, 400, 403), method="POST"),
    Row("people:desk-numbers", table(302, 403, 403, rita=200, foma=404), (uid("anna"),), opens=True),
    Row("people:desk-numbers", table(302, 403, 403, rita=404, foma=404), (UNKNOWN,), opens=True),
    Row("people:desk-numbers", table(302, 403, 403, rita=302, foma=404), (uid("anna"),), "POST", numbers),
    Row("people:desk-numbers-remove", table(302, 403, 403, rita=302, foma=404), (uid("anna"),), "POST", numbers),
    Row("people:desk-numbers-remove", table(302, 403, 403, rita=404, foma=404), (UNKNOWN,), "POST", numbers),
    Row("people:contact-add", table(302, 422, 403), method="POST"),
    Row("people:contact-confirm", table(302, 302, 403)),
    Row("people:contact-remove", table(302, 404, 403, anna=302), (uid("contact-email-anna"),), method="POST"),
    Row("people:contact-remove", table(302, 404, 403), (UNKNOWN,), method="POST"),
    # The desk
    Row("scheduling:schedules", table(302, 403, 403, rita=200, foma=200, alla=200)),
    Row("scheduling:schedule", table(302, 403, 403, rita=200, foma=404, alla=200), (uid("role-vera"),)),
    Row("scheduling:schedule", table(302, 403, 403, rita=404, foma=404, alla=404), (UNKNOWN,)),
    Row("scheduling:rule-add", table(302, 403, 403, rita=422, foma=404, alla=422), (uid("role-vera"),), method="POST"),
    Row(
        "scheduling:rule-add",
        table(302, 403, 403, rita=302, foma=404, alla=302),
        (uid("role-vera"),),
        method="POST",
        data=rule,
    ),
    Row(
        "scheduling:rule-remove",
        table(302, 403, 403, rita=404, foma=404, alla=404),
        (uid("role-vera"), UNKNOWN),
        method="POST",
    ),
    Row(
        "scheduling:exception-add",
        table(302, 403, 403, rita=302, foma=404, alla=302),
        (uid("role-vera"),),
        method="POST",
        data=vacation,
    ),
    Row(
        "scheduling:exception-remove",
        table(302, 403, 403, rita=404, foma=404, alla=404),
        (uid("role-vera"), UNKNOWN),
        method="POST",
    ),
    Row("mis:exchange", table(302, 403, 403, rita=200, foma=200, alla=200)),
    Row("mis:drift", table(302, 403, 403, rita=200, foma=200, alla=200)),
    Row("mis:replay-out", table(302, 403, 403, rita=404, foma=404, alla=404), (UNKNOWN,), method="POST"),
    Row("mis:replay-in", table(302, 403, 403, rita=404, foma=404, alla=404), (UNKNOWN,), method="POST"),
    Row("mis:master", table(302, 403, 403, alla=400), (uid("role-vera"),), method="POST"),
    Row("mis:master", table(302, 403, 403, alla=422), (uid("role-vera"),), method="POST", data=to_the_mis),
    Row("mis:master", table(302, 403, 403, alla=404), (UNKNOWN,), method="POST", data=to_the_portal),
    Row("mis:master", table(302, 403, 403, alla=302), (uid("role-vera"),), method="POST", data=to_the_portal),
    Row("mis:matches", table(302, 403, 403, rita=200, foma=200)),
    Row("mis:settle", table(302, 403, 403, rita=404, foma=404), (uid("anna"),), method="POST"),
    Row("mis:settle", table(302, 403, 403, rita=404, foma=404), (UNKNOWN,), method="POST"),
    Row("scheduling:policy", table(302, 403, 403, alla=200)),
    Row("scheduling:policy", table(302, 403, 403, alla=422), method="POST"),
    Row("notifications:texts", table(302, 403, 403, alla=200)),
    Row("notifications:texts", table(302, 403, 403, alla=422), method="POST"),
    Row("notifications:texts", table(302, 403, 403, alla=302), method="POST", data=timings),
    Row("notifications:text", table(302, 403, 403, alla=200), ("booked", "ru")),
    Row("notifications:text", table(302, 403, 403, alla=404), ("nothing", "ru")),
    Row("notifications:text", table(302, 403, 403, alla=422), ("booked", "ru"), method="POST"),
    Row("notifications:text", table(302, 403, 403, alla=302), ("booked", "ru"), method="POST", data=own_text),
    Row("notifications:text-preview", table(302, 403, 403, alla=302), ("booked", "en")),
    Row("notifications:text-preview", table(302, 403, 403, alla=200), ("booked", "en"), method="POST", data=own_text),
    Row("notifications:text-preview", table(302, 403, 403, alla=404), ("booked", "de"), method="POST"),
    Row("notifications:text-standard", table(302, 403, 403, alla=302), ("moved", "ru"), method="POST", data=unseen),
    Row("notifications:text-standard", table(302, 403, 403, alla=400), ("moved", "ru"), method="POST"),
    Row("notifications:text-standard", table(302, 403, 403, alla=404), ("moved", "de"), method="POST", data=unseen),
    Row("web:request-confirm", table(302, 403, 403, rita=409, foma=404), (ANNAS,), method="POST", data=answer),
    Row("web:request-confirm", table(302, 403, 403, rita=400, foma=400), (ANNAS,), method="POST"),
    Row("web:request-confirm", table(302, 403, 403, rita=404, foma=404), (UNKNOWN,), method="POST", data=answer),
    Row("web:request-decline", table(302, 403, 403, rita=409, foma=404), (ANNAS,), method="POST", data=answer),
    Row("web:desk", table(302, 403, 200)),
    Row(
        "web:desk-visit",
        table(302, 403, 404, vera=200, gleb=200, rita=200, oleg=403, alla=403),
        (ANNAS,),
        opens=True,
    ),
    Row("web:desk-visit", table(302, 403, 404, dina=200, rita=200, oleg=403, alla=403), (BORISS,), opens=True),
    Row("web:desk-visit", table(302, 403, 404, oleg=403, alla=403), (UNKNOWN,), opens=True),
]
