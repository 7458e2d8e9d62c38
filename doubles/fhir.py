"""A clinic's MIS that speaks FHIR R4: `python -m doubles.fhir --port 8040`, the front desk at `/`.

Under `/fhir` it speaks FHIR 4.0.1 (see `/fhir/metadata`) with a bearer token, keeps what it is told in `--file`, and
refuses what a MIS refuses: a time that is taken, past or nobody's, a patient it does not know, a stale version.

Its own, for people and tests (JSON, from this machine only):
    GET  /                     the front desk: a day of every doctor; ?day= ?lang=en
    GET  /messages.json        how many requests came, and the appointments in short, newest first
    POST /control/             {"mode": …, "times": n, "on": …}: what to do with the next n requests. `on`: any, read,
                               search, create, update, transaction, operation, metadata
                                 error:503      refuse before any effect; error:429/30: with Retry-After
                                 drop           no effect, close the connection without an answer
                                 html           no effect, answer 200 with a page
                                 outcome:error  no effect, answer 200 with an OperationOutcome that is an error
                                 after:500      do it, then answer with this status
                                 outcome        do it, answer 200 with an OperationOutcome in place of the resource
                                 lost           do it, close the connection without an answer
                                 timeout        do it, never answer (for two minutes)
                                 slow:3         do it, answer after so many seconds
                                 ignore-params  a search finds everything, and `self` says so
                                 foreign-next   a search links its next page to another host
                                 stale          a search answers as of before the last write
                                 wrong-patient  a new Appointment is written down for another patient
                                 overlap        a new Appointment gets its time even when it is taken
    POST /control/down         {"down": true}: close every connection under /fhir, until {"down": false}
    POST /control/slots        {"regenerate": true}: every Slot gets a new id, as some MISs do at night
    POST /control/desk         {"act": "book|move|cancel|arrive|fulfil|noshow|delete", "appointment": id,
                               "slot": id, "patient": id}: what the front desk does; what is not told is the first
                               that fits. Answers the Appointment
    POST /control/clock        {"forward": seconds}: put the clinic's clock forward
    POST /control/reset        the clinic as it was on its first day, without orders
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from doubles import _fhir_desk as desk
from doubles import _fhir_page as pages
from doubles._fhir_box import Box
from doubles._fhir_clinic import regenerate
from doubles._fhir_errors import Refusal, outcome
from doubles._fhir_rest import Clinic, Reply
from doubles._fhir_wire import KINDS, SEARCH_MODES, Request, check_token, kind_of, perform
from doubles._server import STYLE, Handler, Order, http_server, leave_at_once, listening_socket

BEFORE = {"error", "drop", "html"}
AFTER = {"after", "outcome", "lost", "timeout", "slow"}
MODES = BEFORE | AFTER | SEARCH_MODES | {"wrong-patient", "overlap"}
NUMBERED = {"error", "after", "slow"}
FHIR = "application/fhir+json; fhirVersion=4.0; charset=utf-8"
PREFIX = "/fhir"
SILENCE = 120.0  # seconds
OWN_STYLE = (Path(__file__).parent / "desk.css").read_bytes()
REFUSED = (ValueError, KeyError, TypeError, AttributeError)


class Fhir(Handler):
    """One connection. `box` is set on a subclass by `make_handler`."""

    box: Box
    disable_nagle_algorithm = True  # the head and the body of an answer are two packets

    @property
    def base(self) -> str:
        """As the client calls this place: it may have come through something in between."""
        host, port = self.connection.getsockname()[:2]
        return f"http://{self.headers['Host'] if self.is_for_this_machine() else f'{host}:{port}'}{PREFIX}"

    @property
    def clinic(self) -> Clinic:
        return Clinic(self.box.store, self.base)

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        routes = {"/": self._page, "/messages.json": self._messages, "/style.css": self._style}
        if self._is_fhir():
            self._fhir()
        elif not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
        elif self.route in routes:
            routes[self.route]()
        else:
            self.answer_json({"error": "not found"}, 404)

    def do_POST(self) -> None:  # noqa: N802
        if self._is_fhir():
            self._fhir()
        elif not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
        elif self.route.startswith("/control/"):
            self._control()
        elif self.route == "/desk":
            self._from_the_page()
        else:
            self.answer_json({"error": "not found"}, 404)

    def do_PUT(self) -> None:  # noqa: N802
        self._fhir()

    do_DELETE = do_PATCH = do_PUT  # noqa: N815

    def _is_fhir(self) -> bool:
        return self.route == PREFIX or self.route.startswith(f"{PREFIX}/")

    # The protocol ------------------------------------------------------------------------------------------------

    def _fhir(self) -> None:
        self.box.count()
        parts = urlsplit(self.path)
        path = parts.path.removeprefix(PREFIX).strip("/")
        request = Request(self.command, path, parts.query, self.headers, self.body())
        if self.box.is_down:
            self.hang_up()
            return
        try:
            check_token(request, self.box.token)
        except Refusal as refusal:
            self._refuse(refusal)
            return
        mode, argument = self.box.orders.take(kind_of(request))
        if mode in BEFORE or (mode, argument) == ("outcome", "error"):
            self._instead(mode, argument)
        else:
            self._after(mode, argument, self._done(request, mode))

    def _instead(self, mode: str, argument: str) -> None:
        """Nothing is done."""
        if mode == "drop":
            self.hang_up()
        elif mode == "html":
            self.answer("<!doctype html><title>Вход</title><h1>Вход в систему</h1>", "text/html; charset=utf-8")
        elif mode == "outcome":
            self._tell(Reply(200, outcome("processing", "The request could not be processed")))
        else:
            status, _, wait = argument.partition("/")
            code = "throttled" if status == "429" else "transient"
            self._refuse(Refusal(int(status), code, "ordered", **({"Retry_After": wait} if wait else {})))

    def _done(self, request: Request, mode: str) -> Reply | Refusal:
        clinic = self.clinic
        clinic.is_wrong_patient, clinic.is_careless = mode == "wrong-patient", mode == "overlap"
        try:
            self.box.tidy(clinic)
            box = self.box
            return perform(clinic, request, mode=mode, hold_seconds=box.hold_seconds, is_plain=box.is_plain)
        except Refusal as refusal:
            return refusal
        except Exception:  # a mistake of ours: the client is told, the terminal says where
            traceback.print_exc()
            return Refusal(500, "exception", "The server made a mistake")

    def _after(self, mode: str, argument: str, reply: Reply | Refusal) -> None:
        """It is done; now the answer gets lost in the ordered way, or arrives."""
        if mode in ("timeout", "slow"):
            self.box.released.wait(float(argument) if mode == "slow" else SILENCE)
        with suppress(OSError):  # the client may have given up meanwhile
            if mode in ("timeout", "lost"):
                self.hang_up()
            elif mode == "after":
                self._refuse(Refusal(int(argument), "exception", "ordered"))
            elif mode == "outcome" and isinstance(reply, Reply):
                done = outcome("informational", "It is done", severity="information")
                self._tell(Reply(200, done, reply.headers))
            elif isinstance(reply, Refusal):
                self._refuse(reply)
            else:
                self._tell(reply)

    def _refuse(self, refusal: Refusal) -> None:
        self._tell(Reply(refusal.status, refusal.outcome(), refusal.headers))

    def _tell(self, reply: Reply) -> None:
        headers = dict(reply.headers)
        if asked := self.headers.get("X-Request-Id"):
            headers["X-Request-Id"] = asked[:200]
        body = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":")) if reply.body else ""
        self.answer(body, FHIR, reply.status, **headers)

    # Its own part ------------------------------------------------------------------------------------------------

    def _style(self) -> None:
        self.answer(STYLE + OWN_STYLE, "text/css; charset=utf-8")

    def _page(self) -> None:
        self.box.tidy(self.clinic)
        asked = {name: self.query(name)[:64] for name in pages.ASKED}
        self.answer_page(pages.page(self.clinic, asked))

    def _from_the_page(self) -> None:
        """A form of the page; the browser says itself that it is ours."""
        if self.headers.get("Sec-Fetch-Site") != "same-origin":
            self.answer_json({"error": "only from the page of this double"}, 403)
            return
        given = pages.form((self.body() or b"").decode("utf-8", "replace"))
        try:
            done = desk.act(self.clinic, given.get("act", ""), given)
            place = pages.done(given, done)
        except Refusal as refusal:
            place = pages.refused(given, refusal)
        self.answer(b"", "text/plain", 303, Location=place)

    def _messages(self) -> None:
        self.box.tidy(self.clinic)
        self.answer_json({"requests": self.box.requests, "appointments": desk.listed(self.clinic)})

    def _control(self) -> None:
        try:
            told = self._obey(self.route.removeprefix("/control/").strip("/"), self.json_body())
        except Refusal as refusal:
            self.answer_json(refusal.outcome(), refusal.status)
        except REFUSED as error:
            self.answer_json({"error": str(error)}, 400)
        else:
            self.answer_json(told)

    def _obey(self, what: str, data: Any) -> dict[str, Any]:
        """Raises ValueError, KeyError, TypeError, Refusal for an order that is not understood or cannot be done."""
        if what == "":
            self.box.orders.add(_order(data))
        elif what == "down":
            self.box.is_down = bool(data["down"])
        elif what == "slots" and data["regenerate"]:
            return {"slots": regenerate(self.box.store)}
        elif what == "desk":
            return desk.act(self.clinic, str(data["act"]), data)
        elif what == "clock":
            self.box.store.offset += float(data["forward"])
            self.box.tidy(self.clinic)
        elif what == "reset":
            self.box.reset()
        else:
            raise ValueError("down, slots, desk, clock, reset or an order")
        return {"ok": True}


def _order(data: Any) -> Order:
    """Raises ValueError for an order that cannot be obeyed."""
    order = Order.from_json({"on": "any", **data}, kinds=KINDS, modes=MODES)
    mode, _, argument = order.mode.partition(":")
    if mode in NUMBERED:
        [float(number) for number in argument.split("/")]
    return order


def make_handler(box: Box) -> type[Fhir]:
    return type("BoundFhir", (Fhir,), {"box": box})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m doubles.fhir", description=str(__doc__).partition("\n")[0])
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--port", type=int, help="port on 127.0.0.1, 0 for any free one")
    place.add_argument("--fd", type=int, help="inherited listening socket")
    parser.add_argument("--file", default=":memory:", help="where to keep everything; in memory without it")
    parser.add_argument("--zone", default="Europe/Moscow", help="where the clinic is")
    parser.add_argument("--token", default="demo", help='the bearer token under /fhir; "" for none')
    parser.add_argument("--token-file", type=Path, help="a file that holds it")
    offers = parser.add_mutually_exclusive_group()
    offers.add_argument("--operations", action="store_true", help="$find, $hold and $book")
    offers.add_argument("--plain", action="store_true", help="neither operations nor transactions")
    parser.add_argument("--hold-seconds", type=float, default=600, help="how long $hold holds")
    parser.add_argument("--ids", choices=["stable", "nightly"], default="stable", help="nightly: new ids of Slots")
    given = parser.parse_args(arguments)
    leave_at_once()
    token = given.token_file.read_text(encoding="utf-8").strip() if given.token_file else given.token
    sock = listening_socket(port=given.port, fd=given.fd)
    box = Box(
        given.file, zone=ZoneInfo(given.zone), token=token, is_nightly=given.ids == "nightly",
        hold_seconds=given.hold_seconds if given.operations else None, is_plain=given.plain,
    )  # fmt: skip
    sys.stderr.write(f"fhir double: http://{sock.getsockname()[0]}:{sock.getsockname()[1]}\n")
    http_server(sock, make_handler(box)).serve_forever()


if __name__ == "__main__":
    main()
