"""Each provider's double calls the running portal when a message has arrived; the portal then asks and knows."""

import psycopg
import pytest

from portal import settings as typed
from portal.adapters.sms.exolve import ExolveSender
from portal.adapters.sms.smsc import SmscSender
from portal.adapters.sms.smsru import SmsRuSender
from portal.kernel.ports import override_port
from portal.notifications import jobs, routes
from portal.notifications.ports import FakeEmail
from portal.notifications.tests.conftest import tell
from portal.scheduling.tests.conftest import book
from tests.cast import uid
from tests.contracts.processes import running_exolve, running_smsc, running_smsru
from tests.servers import eventually, pages

SECRET = "5xK2mQ9rT7vB1nC4pW8zL3"
WAITS = "SELECT state FROM notifications_message WHERE channel = 'sms' AND kind = 'booked' AND next_at > now()"
STATE = "SELECT state FROM notifications_message WHERE channel = 'sms' AND kind = 'booked'"
VENDORS = {
    "smsc": (running_smsc, lambda url: SmscSender(url=url, login="demo", password="demo", sender="DEMOCLINIC"), "OK"),
    "smsru": (running_smsru, lambda url: SmsRuSender(url=url, api_id="demo", sender="DEMOCLINIC"), "100"),
    "exolve": (running_exolve, lambda url: ExolveSender(url=url, key="demo", sender="DEMOCLINIC"), "OK"),
}


@pytest.fixture
def sql(database_url):
    def run(statement):
        with psycopg.connect(database_url("postgres")) as direct:
            return direct.execute(statement).fetchall()

    return run


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_a_delivered_message_is_known_at_once(vendor, as_actor, database_url, tmp_path, sql, monkeypatch):
    run, adapter, answer = VENDORS[vendor]
    monkeypatch.setattr(typed, "portal", typed.portal.model_copy(update={"message_ask_seconds": 3600}))
    monkeypatch.setattr("django.conf.settings.PORTAL", typed.portal)
    environment = {"DATABASE_URL": database_url("app"), "SMS_VENDOR": vendor, "SMS_HOOK_SECRET": SECRET}
    routes.forget()
    with run("--deliver-after=0.2") as double, pages(environment, tmp_path / "web.log") as (address, _):
        double.control("hook", url=f"{address}/hooks/sms/{vendor}/{SECRET}/")
        with override_port("sms", adapter(double.url)), override_port("email", FakeEmail()):
            with as_actor("anna") as trail:
                visit = book(trail)
            tell({"appointment_id": visit.pk, "patient_id": uid("anna"), "recipient_id": uid("anna")})
            (call,) = eventually(double.calls)
            assert (call["status"], call["answer"]) == (200, answer), "once: the provider heard what it wanted"
            eventually(lambda: not sql(WAITS))
            jobs.deliver()
    assert sql(STATE) == [("delivered",)], "in an hour it would have been asked anyway"
