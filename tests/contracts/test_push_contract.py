"""What every PushSender keeps, on the fake and on the adapter that talks to the push service's double."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from portal.adapters.push.webpush import WebPushSender
from portal.kernel.ports import PortFailure
from portal.notifications.ports_push import (
    MAX_PAYLOAD,
    TTLS,
    FakePush,
    PushOff,
    PushSender,
    PushSubscription,
    require_endpoint,
)
from tests.contracts.processes import Double, http
from tests.contracts.push_keys import OURS, SUBJECT, encoded, public_of, raw_of, subscribe

TEXT = '{"say":"Есть новое сообщение","id":"k3Zp"}'
KEY = UUID("11111111-2222-4333-8444-555555555555")
HERE = "https://updates.push.services.mozilla.com/wpush/v2/"


@dataclass
class Rig:
    """A sender, a subscription, and a look at what the browser would read: (endpoint, text), oldest first."""

    sender: PushSender
    double: Double | None

    def subscribe(self) -> PushSubscription:
        if self.double is not None:
            return subscribe(self.double)
        browser = ec.generate_private_key(ec.SECP256R1())
        return PushSubscription(f"{HERE}{uuid4().hex}", public_of(browser), encoded(bytes(16)))

    def end(self, subscription: PushSubscription) -> None:
        if self.double is None:
            self.sender.gone.add(subscription.endpoint)
        else:
            self.double.control("unsubscribe", endpoint=subscription.endpoint)

    def sent(self) -> list[tuple[str, str]]:
        if self.double is None:
            return [(message.subscription.endpoint, message.payload.decode()) for message in self.sender.sent]
        return [(message["endpoint"], message["text"]) for message in reversed(self.double.messages())]


@pytest.fixture(params=["fake", "webpush"])
def rig(request) -> Rig:
    if request.param == "fake":
        return Rig(FakePush(extra=""), None)
    double = request.getfixturevalue("push_double")
    return Rig(webpush(double.url), double)


@cache
def webpush(url: str) -> WebPushSender:
    return WebPushSender(private_key=raw_of(OURS), subject=SUBJECT, extra_hosts=url)


def refusal(rig: Rig, subscription: PushSubscription, payload: bytes = b"{}", ttl: int = 3600) -> PortFailure:
    with pytest.raises(PortFailure) as refused:
        rig.sender.send(subscription, payload, key=KEY, ttl=ttl)
    assert rig.sent() == []
    return refused.value


def test_a_message_is_accepted_and_only_its_browser_can_read_it(rig):
    subscription, other = rig.subscribe(), rig.subscribe()
    accepted = rig.sender.send(subscription, TEXT.encode(), key=KEY, ttl=3600)
    assert (accepted.provider_ref, accepted.segments, accepted.cost) == (str(KEY), 1, None)
    assert rig.sent() == [(subscription.endpoint, TEXT)]
    assert other.endpoint not in str(rig.sent())


def test_a_repeat_with_the_same_key_takes_the_place_of_the_first(rig):
    subscription = rig.subscribe()
    first = rig.sender.send(subscription, TEXT.encode(), key=KEY, ttl=3600)
    again = rig.sender.send(subscription, TEXT.encode(), key=KEY, ttl=3600)
    assert again == first
    assert rig.sent() == [(subscription.endpoint, TEXT)]


def test_another_message_and_another_browser_have_their_own(rig):
    mine, hers = rig.subscribe(), rig.subscribe()
    for subscription, key in ((mine, KEY), (mine, uuid4()), (hers, KEY)):
        rig.sender.send(subscription, b"{}", key=key, ttl=3600)
    assert [endpoint for endpoint, _ in rig.sent()] == [mine.endpoint, mine.endpoint, hers.endpoint]


def test_a_subscription_that_has_ended_is_gone_for_good(rig):
    subscription = rig.subscribe()
    rig.end(subscription)
    failure = refusal(rig, subscription)
    assert (failure.code, failure.permanent) == ("gone", True)


def test_the_largest_payload_is_taken_and_one_byte_more_is_not(rig):
    subscription = rig.subscribe()
    assert refusal(rig, subscription, b"x" * (MAX_PAYLOAD + 1)).code == "too-big"
    rig.sender.send(subscription, b"x" * MAX_PAYLOAD, key=KEY, ttl=3600)
    assert rig.sent() == [(subscription.endpoint, "x" * MAX_PAYLOAD)]


def test_an_empty_payload_is_refused(rig):
    assert refusal(rig, rig.subscribe(), b"").code == "bad-payload"


@pytest.mark.parametrize("ttl", [-1, 0, TTLS.start - 1, TTLS.stop])
def test_a_time_to_live_that_would_lose_the_message_is_refused(rig, ttl):
    assert refusal(rig, rig.subscribe(), ttl=ttl).code == "bad-ttl"


@pytest.mark.parametrize("ttl", [TTLS.start, TTLS.stop - 1])
def test_the_ends_of_the_range_are_taken(rig, ttl):
    assert rig.sender.send(rig.subscribe(), b"{}", key=KEY, ttl=ttl).segments == 1


FOREIGN = [
    "",
    "https://evil.example/push/1",
    "http://fcm.googleapis.com/fcm/send/1",
    "https://fcm.googleapis.com.evil.example/1",
    "https://evilfcm.googleapis.com/1",
    "https://push.apple.com/1",
    "https://evil-push.apple.com.evil.example/1",
    "https://fcm.googleapis.com@evil.example/1",
    "https://user:pass@fcm.googleapis.com/1",
    "https://evil.example#@fcm.googleapis.com/1",
    "https://evil.example\\@fcm.googleapis.com/1",
    "https://fcm.googleapis.com\\.evil.example/1",
    "https://fcm.googleapis.com:8443/1",
    "https://fcm.googleapis.com:22/1",
    "https://fcm.googleapis.com:/1",
    "https://fcm.googleapis.com./1",
    "https://fcm.googleapis.com",
    "https://fcm.googleapis.com/",
    "https://fcm.googleapis.com?x=/1",
    "https://FCM.googleapis.com/1",
    "https://fcm.googleapis.com/a b",
    "https://fcm.googleapis.com/a\r\nHost: evil.example",
    "https://fcm.google\tapis.com/1",
    "\nhttps://fcm.googleapis.com/1",
    "https://fcm.googleapis.com/1\n",
    "https://fcm.googleapis.com/1#2",
    "https://fcm.googleapis.com/" + "x" * 2000,
    "https://fсm.googleapis.com/1",  # a Cyrillic letter
    "https://127.0.0.1/1",
    "http://127.0.0.1:9/1",
    "http://localhost:9/1",
    "http://[::1]:9/1",
    "https://169.254.169.254/latest/meta-data",
    "https://0x7f000001/1",
    "file:///etc/passwd",
    "ftp://fcm.googleapis.com/1",
    "//fcm.googleapis.com/1",
    "fcm.googleapis.com/1",
]


@pytest.mark.parametrize("endpoint", FOREIGN)
def test_only_known_push_services_are_ever_called(rig, endpoint):
    failure = refusal(rig, replace(rig.subscribe(), endpoint=endpoint))
    assert (failure.code, failure.permanent, failure.stops_provider) == ("bad-endpoint", True, False)


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc:def", "https://fcm.googleapis.com"),
        ("https://fcm.googleapis.com:443/wp/abc", "https://fcm.googleapis.com"),
        (f"{HERE}gAAAA_-=", "https://updates.push.services.mozilla.com"),
        ("https://web.push.apple.com/QGx?x=1", "https://web.push.apple.com"),
        ("https://wns2-par02p.notify.windows.com/w/?token=BQ%3d%3d", "https://wns2-par02p.notify.windows.com"),
    ],
)
def test_the_browsers_services_are_known(endpoint, origin):
    assert require_endpoint(endpoint, extra="") == origin


def test_a_further_service_is_known_when_it_is_listed():
    extra = "push.own.example, http://127.0.0.1:8030,http://10.0.0.5:80,http://evil.example"
    assert require_endpoint("https://push.own.example/1", extra=extra) == "https://push.own.example"
    assert require_endpoint("http://127.0.0.1:8030/1", extra=extra) == "http://127.0.0.1:8030"
    for url in (
        "http://push.own.example/1",
        "http://127.0.0.1:8029/1",
        "http://127.0.0.1/1",
        "https://127.0.0.1:8030/1",
        "http://10.0.0.5:80/1",
        "http://evil.example/1",
    ):
        with pytest.raises(PortFailure, match="bad-endpoint"):
            require_endpoint(url, extra=extra)


def test_the_setting_lists_further_services(monkeypatch):
    monkeypatch.setattr("portal.settings.portal.push_extra_hosts", "push.own.example")
    assert require_endpoint("https://push.own.example/1") == "https://push.own.example"
    with pytest.raises(PortFailure):
        require_endpoint("http://127.0.0.1:8030/1")


POINT = public_of(OURS)


@pytest.mark.parametrize(
    "changes",
    [
        {"p256dh": ""},
        {"p256dh": POINT[:-4]},
        {"p256dh": POINT + "AAAA"},
        {"p256dh": "A" * 87},
        {"p256dh": "B" + "A" * 86},
        {"p256dh": "%" * 87},
        {"p256dh": "ключ"},
        {"p256dh": encoded(b"\2" + bytes(32))},
        {"auth": ""},
        {"auth": encoded(bytes(15))},
        {"auth": encoded(bytes(17))},
        {"auth": "*" * 22},
    ],
)
def test_malformed_keys_are_refused_for_good(rig, changes):
    failure = refusal(rig, replace(rig.subscribe(), **changes))
    assert (failure.code, failure.permanent) == ("bad-subscription", True)


def test_keys_may_be_padded(rig):
    subscription = rig.subscribe()
    padded = replace(subscription, p256dh=subscription.p256dh + "=", auth=subscription.auth + "==")
    rig.sender.send(padded, TEXT.encode(), key=KEY, ttl=3600)
    assert rig.sent() == [(subscription.endpoint, TEXT)]


def test_threads_share_one_sender(rig):
    subscription = rig.subscribe()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: rig.sender.send(subscription, b"%d" % n, key=uuid4(), ttl=60), range(40)))
    assert sorted(int(text) for _, text in rig.sent()) == list(range(40))


def test_neither_a_subscription_nor_a_refusal_can_be_read_in_a_log(rig):
    subscription = rig.subscribe()
    rig.end(subscription)
    failure = refusal(rig, subscription, b"secret words")
    told = f"{subscription!r} {subscription} {failure!r} {failure} {failure.detail}"
    for secret in (subscription.endpoint.rpartition("/")[2], subscription.auth, subscription.p256dh, "secret words"):
        assert secret not in told


def test_while_it_is_off_nothing_is_sent_and_whoever_asks_is_told():
    sender = PushOff.from_settings(None)
    with pytest.raises(PortFailure) as refused:
        sender.send(PushSubscription("", "", ""), b"{}", key=KEY, ttl=60)
    assert (refused.value.code, refused.value.permanent, refused.value.stops_provider) == (
        "not-configured",
        False,
        True,
    )
    assert sender.public_key() == ""


def test_a_page_subscribes_with_our_key(push_double):
    sender = webpush(push_double.url)
    assert sender.public_key() == public_of(OURS)
    made = http.post(f"{push_double.url}/subscribe", json={"applicationServerKey": sender.public_key()})
    assert made.status_code == 200
