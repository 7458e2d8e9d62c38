"""Browsers on the page: turned on, listed, turned off; what is no subscription of a known service is refused."""

import json

import pytest

from portal.kernel.ports import override_port
from portal.notifications import jobs
from portal.notifications.ports_push import FakePush, PushOff
from portal.notifications.tests.conftest import subscription_of, tell
from tests.cast import uid

ADD = "/me/messages/devices/"
CHROME = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"


def given(name="phone", **changes):
    """What a page posts for a browser."""
    one = subscription_of(name)
    keys = {"p256dh": one.p256dh, "auth": one.auth} | changes.pop("keys", {})
    return {"subscription": json.dumps({"endpoint": one.endpoint, "expirationTime": None, "keys": keys} | changes)}


@pytest.fixture
def owners(sql):
    return lambda: [who for (who,) in sql("SELECT patient_id FROM notifications_pushdevice ORDER BY created_at")]


def test_a_browser_is_turned_on_and_listed(client_of, push, owners):
    client = client_of("anna")
    assert client.post(ADD, given(), headers={"User-Agent": CHROME}).status_code == 302
    page = client.get("/me/messages/").content.decode()
    assert owners() == [uid("anna")]
    assert "Chrome, Android" in page and 'data-device="' in page and subscription_of().endpoint not in page
    assert "Chrome, Android" not in client_of("boris").get("/me/messages/").content.decode()


def test_it_is_turned_off(client_of, turn_on, owners):
    device = turn_on()
    assert client_of("boris").post(f"{ADD}{device}/remove/").status_code == 404
    assert owners() == [uid("anna")]
    client = client_of("anna")
    assert client.post(f"{ADD}{device}/remove/").status_code == 302
    assert client.post(f"{ADD}{device}/remove/").status_code == 404
    assert owners() == []


def test_the_same_browser_twice_is_one(client_of, push, owners):
    client = client_of("anna")
    for _ in range(3):
        assert client.post(ADD, given()).status_code == 302
    assert owners() == [uid("anna")]


def test_whoever_turns_a_browser_on_last_hears_in_it_alone(client_of, push, owners, sql, gateways, booked):
    client_of("anna").post(ADD, given())
    client_of("boris").post(ADD, given())
    assert owners() == [uid("boris")]
    tell(booked())
    assert push.sent == []
    taken = "SELECT patient_id FROM guard.audit_event WHERE action = 'PushDevice.taken-over'"
    assert sql(taken) == [(uid("anna"),)]


def test_the_oldest_of_too_many_goes(client_of, push, sql):
    client = client_of("anna")
    for n in range(7):
        client.post(ADD, given(f"browser-{n}"))
    assert sql("SELECT count(*) FROM notifications_pushdevice") == [(5,)]
    assert len(client.get("/me/messages/").content.decode().split('data-device="')) == 6


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:8030/push/x", "https://127.0.0.1/", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd",
        "https://fcm.googleapis.com.evil.example/x", "https://fcm.googleapis.com@evil.example/x", "https://evil.example/x",
        "https://fcm.googleapis.com:8443/x", "http://fcm.googleapis.com/x", "https://fcm.googleapis.com/x\r\nHost: y",
        "//fcm.googleapis.com/x", "https://fcm.googleapis.com/\ud800", "", None, 5, ["https://fcm.googleapis.com/x"],
    ],
)  # fmt: skip
def test_only_known_push_services_are_taken(client_of, push, owners, endpoint):
    answer = client_of("anna").post(ADD, given(endpoint=endpoint))
    assert answer.status_code == 422 and 'role="alert"' in answer.content.decode()
    assert owners() == []


@pytest.mark.parametrize(
    "subscription",
    [
        "", "null", "[]", "5", '"x"', "{", "{}", '{"endpoint":"https://fcm.googleapis.com/x"}', "[" * 3000, "x" * 4001,
        '{"endpoint":"https://fcm.googleapis.com/x","keys":[]}', '{"endpoint":"https://fcm.googleapis.com/x","keys":{}}',
    ],
)  # fmt: skip
def test_what_no_browser_gives_is_refused(client_of, push, owners, subscription):
    assert client_of("anna").post(ADD, {"subscription": subscription}).status_code == 422
    assert owners() == []


@pytest.mark.parametrize("keys", [{"p256dh": "x"}, {"p256dh": "A" * 87}, {"auth": "A"}, {"auth": "ключ"}, {"auth": 5}])
def test_keys_that_encrypt_nothing_are_refused(client_of, push, owners, keys):
    assert client_of("anna").post(ADD, given(keys=keys)).status_code == 422
    assert owners() == []


def test_an_unknown_service_is_told_in_plain_words(client_of, push):
    page = client_of("anna").post(ADD, given(endpoint="https://push.unknown.example/x")).content.decode()
    assert "через службу, которую мы не знаем" in page and "unknown.example" not in page


def test_only_a_form_of_ours_adds_a_browser(client_of, push, owners):
    assert client_of("anna", enforce_csrf_checks=True).post(ADD, given()).status_code == 403
    assert owners() == []


def test_while_push_is_off_nothing_is_offered_but_removing(client_of, turn_on, push):
    device = turn_on()
    client = client_of("anna")
    with override_port("push", PushOff()):
        page = client.get("/me/messages/").content.decode()
        assert "data-turn" not in page and 'name="subscription"' not in page and "Chrome, Android" in page
        assert client.post(ADD, given("laptop")).status_code == 404
        assert client.post(f"{ADD}{device}/remove/").status_code == 302
        assert "Уведомления на устройствах" not in client.get("/me/messages/").content.decode()


def test_the_page_knows_a_browser_by_a_mark_and_gives_the_public_key_alone(client_of, turn_on):
    turn_on()
    page = client_of("anna").get("/me/messages/").content.decode()
    assert 'data-push="fake"' in page
    assert not any(word in page for word in (subscription_of().endpoint, subscription_of().auth * 2))


def test_without_javascript_the_page_explains(client_of, push):
    page = client_of("anna").get("/me/messages/").content.decode()
    assert 'data-state="none">Чтобы включить уведомления, нужен JavaScript' in page


def test_the_practice_field_is_the_demos_alone(client_of, push, monkeypatch, settings):
    client = client_of("anna")
    changes = {"push_extra_hosts": "http://127.0.0.1:8030"}
    settings.PORTAL = settings.PORTAL.model_copy(update=changes)
    assert "Учебный браузер" not in client.get("/me/messages/").content.decode()
    settings.PORTAL = settings.PORTAL.model_copy(update=changes | {"demo": True})
    assert 'href="http://127.0.0.1:8030/?still=1"' in client.get("/me/messages/").content.decode()


def test_a_browser_forgotten_by_its_service_leaves_the_list(client_of, turn_on, push: FakePush, gateways, booked):
    turn_on()
    push.gone.add(subscription_of().endpoint)
    tell(booked())
    jobs.deliver()
    assert "Chrome, Android" not in client_of("anna").get("/me/messages/").content.decode()


# --- the worker and the home screen ----------------------------------------------------------------------------------


def test_the_worker_is_served_from_the_root_under_the_policy(client_of):
    answer = client_of().get("/worker.js")
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Cache-Control"] == "no-cache"
    assert (
        "connect-src 'self'" in answer["Content-Security-Policy"] and "'unsafe" not in answer["Content-Security-Policy"]
    )
    assert b"showNotification" in answer.content and b"/push/shown/" in answer.content


def test_the_home_screen_gets_a_page_of_its_own(client_of):
    answer = client_of().get("/portal.webmanifest")
    said = json.loads(answer.content)
    assert answer["Content-Type"] == "application/manifest+json"
    assert (said["display"], said["scope"], said["start_url"]) == ("standalone", "/", "/me/")
    assert [icon["sizes"] for icon in said["icons"]] == ["192x192", "512x512"]
    assert 'rel="manifest" href="/portal.webmanifest"' in client_of().get("/").content.decode()
