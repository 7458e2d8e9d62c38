"""Gateways in memory, a visit to speak about, and a look at what is stored."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portal.kernel.access import open_door
from portal.kernel.ports import override_port
from portal.notifications import jobs, routes
from portal.notifications import services as notifications
from portal.notifications.ports import FakeEmail, FakeSms
from portal.notifications.ports_chat import FakeChat
from portal.notifications.ports_push import FakePush, PushSubscription
from portal.scheduling import services
from portal.scheduling.tests.conftest import book
from tests.cast import uid


@pytest.fixture
def gateways(db: str) -> Iterator[Any]:
    sms, email = FakeSms(), FakeEmail()
    routes.forget()
    with override_port("sms", sms), override_port("email", email):
        yield SimpleNamespace(sms=sms, email=email, sent=lambda: len(sms.sent) + len(email.sent))


@pytest.fixture
def states(sql: Callable[..., list[Any]]) -> Callable[[], list[Any]]:
    """(channel, state, attempts) of all news; reminders are apart."""
    news = (
        "SELECT channel, state, attempts FROM notifications_message WHERE kind NOT LIKE 'reminder%%' ORDER BY sequence"
    )
    return lambda: sql(news)


@pytest.fixture
def later(sql: Callable[..., list[Any]]) -> Callable[[], None]:
    """The wait of whatever was put off is over, leases too; the worker's next turn."""

    def run() -> None:
        sql("UPDATE notifications_message SET next_at = now() WHERE next_at IS NOT NULL AND due_at <= now()")
        jobs.deliver()

    return run


@pytest.fixture
def booked(as_actor: Any) -> Callable[..., dict[str, Any]]:
    """Anna books for herself, or for `patient`. Gives the arguments of the job."""

    def run(patient: str = "anna", **chip: Any) -> dict[str, Any]:
        with as_actor("anna") as trail:
            visit = book(trail, patient, **chip)
        return {"appointment_id": visit.pk, "patient_id": uid(patient), "recipient_id": uid("anna")}

    return run


@pytest.fixture
def cancelled(as_actor: Any) -> Callable[..., None]:
    def run(args: dict[str, Any]) -> None:
        with as_actor("anna") as trail:
            services.cancel_appointment(actor=trail.actor, appointment_id=args["appointment_id"])

    return run


@pytest.fixture
def no_night(sql: Callable[..., list[Any]]) -> None:
    """A clinic without quiet hours, so that a test may run at any hour of ours."""
    sql(
        "INSERT INTO notifications_messagepolicy (id, organization_id, day_hours, last_minutes, quiet_from,"
        " quiet_until) VALUES (gen_random_uuid(), %s, 24, 120, '00:00', '00:00')",
        uid("shore"),
    )


def tell(args: dict[str, Any], kind: str = "booked") -> None:
    """Run the job of this news with the arguments it has in the queue."""
    getattr(jobs, f"tell_{kind}")(**args)


@pytest.fixture
def push() -> Iterator[FakePush]:
    """Web push is configured."""
    with override_port("push", FakePush(extra="")) as sender:
        yield sender


@pytest.fixture
def chat() -> Iterator[FakeChat]:
    """The messenger is configured."""
    with override_port("chat", FakeChat()) as sender:
        yield sender


def subscription_of(name: str = "phone") -> PushSubscription:
    """What a browser would give; the same for the same name."""
    number = int.from_bytes(sha256(name.encode()).digest()) % (2**255) + 1
    point = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    endpoint = f"https://updates.push.services.mozilla.com/wpush/v2/{name}"
    return PushSubscription(endpoint, urlsafe_b64encode(raw).decode().rstrip("="), "A" * 22)


@pytest.fixture
def turn_on(as_actor: Any, push: FakePush) -> Callable[..., Any]:
    """`turn_on("phone")`: Anna, or another person, has notifications on in a browser."""

    def run(name: str = "phone", *, who: str = "anna") -> Any:
        with as_actor(who) as trail:
            open_door(trail.actor, [uid(who)], purpose="test")
            device = notifications.add_device(
                actor=trail.actor, patient_id=uid(who), subscription=subscription_of(name), name="Chrome, Android"
            )
        return device.pk

    return run


@pytest.fixture
def remind(sql: Callable[..., list[Any]], later: Callable[[], None]) -> Callable[..., None]:
    """The first reminder is due now; the worker's next turn."""

    def run(kind: str = "reminder-day") -> None:
        sql("UPDATE notifications_message SET next_at = now(), due_at = now() WHERE kind = %s", kind)
        later()

    return run


@pytest.fixture
def reminders(sql: Callable[..., list[Any]]) -> Callable[[], list[Any]]:
    """(channel, state) of the first reminder, in the order in which its ways were taken."""
    return lambda: sql("SELECT channel, state FROM notifications_message WHERE kind = 'reminder-day' ORDER BY sequence")
