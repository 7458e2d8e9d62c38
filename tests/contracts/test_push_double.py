"""The push service's double itself: it refuses what a service refuses, and shows what a browser would read."""

import html
import json
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from portal.adapters.push.webpush import encrypt
from portal.notifications.ports_push import PushSubscription, require_subscription
from tests.contracts.processes import ROOT, http, running
from tests.contracts.push_keys import OURS, SUBJECT, encoded, public_of, subscribe
from tests.contracts.webhook import listening


def body_for(subscription: PushSubscription, text: str = "Есть новое сообщение") -> bytes:
    point, secret = require_subscription(subscription, extra=subscription.endpoint.partition("/push/")[0])
    return encrypt(text.encode(), point=point, secret=secret, own=ec.generate_private_key(OURS.curve), salt=bytes(16))


def token(origin: str, *, key=OURS, head=None, as_key: str = "", **claims) -> str:
    """An Authorization header; a claim that is None is left out."""
    told = {"aud": origin, "exp": int(time.time()) + 3600, "sub": SUBJECT, **claims}
    parts = [head or {"typ": "JWT", "alg": "ES256"}, {name: value for name, value in told.items() if value is not None}]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"vapid t={signed}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}, k={as_key or public_of(key)}"


def post(double, subscription: PushSubscription, *, content: bytes | None = None, **changes) -> httpx.Response:
    """A good request but for `changes`; a header that is None is left out."""
    headers = {"TTL": "60", "Content-Encoding": "aes128gcm", "Authorization": token(double.url), **changes}
    body = body_for(subscription) if content is None else content
    return http.post(
        subscription.endpoint,
        content=body,
        headers={name: value for name, value in headers.items() if value is not None},
    )


def test_a_good_message_is_taken_and_read(push_double):
    subscription = subscribe(push_double)
    answer = post(push_double, subscription, Topic="abc")
    assert (answer.status_code, answer.headers["TTL"]) == (201, "60")
    assert answer.headers["Location"].startswith(push_double.url)
    (message,) = push_double.messages()
    assert (message["text"], message["topic"], message["state"]) == ("Есть новое сообщение", "abc", "waiting")


OTHER = ec.generate_private_key(ec.SECP256R1())
NOW = int(time.time())


@pytest.mark.parametrize(
    ("status", "claims"),
    [
        (403, {"aud": "https://other.example"}),
        (403, {"aud": None}),
        (403, {"exp": NOW - 60}),
        (403, {"exp": NOW + 25 * 3600}),
        (403, {"exp": None}),
        (403, {"exp": "tomorrow"}),
        (403, {"sub": None}),
        (403, {"sub": "portal@clinic.example"}),
        (403, {"head": {"alg": "none"}}),
        (403, {"head": {"alg": "HS256"}}),
        (403, {"as_key": public_of(OTHER)}),
        (403, {"key": OTHER}),
        (403, {"as_key": "AAAA"}),
    ],
)
def test_a_token_that_does_not_hold_is_refused(push_double, status, claims):
    answer = post(push_double, subscribe(push_double), Authorization=token(push_double.url, **claims))
    assert answer.status_code == status
    assert push_double.messages() == []


@pytest.mark.parametrize("header", [None, "", "Bearer abc", "vapid t=a.b.c", "WebPush abc"])
def test_without_a_token_it_is_401(push_double, header):
    assert post(push_double, subscribe(push_double), Authorization=header).status_code == 401


@pytest.mark.parametrize("header", ["vapid t=a.b.c, k=d", "vapid t=..., k=AAAA", "vapid k=AAAA,t=x"])
def test_a_token_of_nonsense_is_403(push_double, header):
    assert post(push_double, subscribe(push_double), Authorization=header).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"TTL": None},
        {"TTL": ""},
        {"TTL": "-1"},
        {"TTL": "soon"},
        {"Content-Encoding": None},
        {"Content-Encoding": "aesgcm"},
        {"Topic": "x" * 33},
        {"Topic": "a b"},
        {"content": b""},
        {"content": b"x" * 200},
        {"content": b"Hello"},
    ],
)
def test_a_request_that_is_not_well_formed_is_400(push_double, changes):
    assert post(push_double, subscribe(push_double), **changes).status_code == 400
    assert push_double.messages() == []


def test_more_than_4096_bytes_are_413(push_double):
    subscription = subscribe(push_double)
    room = 4096 - 86 - 17
    assert post(push_double, subscription, content=body_for(subscription, "x" * (room + 1))).status_code == 413
    assert post(push_double, subscription, content=body_for(subscription, "x" * room)).status_code == 201


def test_an_unknown_address_is_404_and_an_ended_one_410(push_double):
    subscription = subscribe(push_double)
    unknown = PushSubscription(f"{push_double.url}/push/nobody", subscription.p256dh, subscription.auth)
    assert post(push_double, unknown).status_code == 404
    push_double.control("unsubscribe", endpoint=subscription.endpoint)
    assert post(push_double, subscription).status_code == 410


def test_a_body_for_another_browser_is_taken_but_nobody_can_read_it(push_double):
    mine, hers = subscribe(push_double), subscribe(push_double)
    assert post(push_double, mine, content=body_for(hers)).status_code == 201
    (message,) = push_double.messages()
    assert (message["text"], message["state"]) == (None, "unreadable")


def test_a_topic_takes_the_place_of_its_message_until_that_is_over(push_double):
    subscription = subscribe(push_double)
    post(push_double, subscription, Topic="a")
    post(push_double, subscription, Topic="a")
    post(push_double, subscription, Topic="b")
    assert [(m["topic"], m["repeats"]) for m in push_double.messages()] == [("b", 0), ("a", 1)]
    push_double.control("clock", forward=61)
    claims = {"exp": int(time.time()) + 3600}
    post(push_double, subscription, Topic="a", Authorization=token(push_double.url, **claims))
    assert [(m["topic"], m["state"]) for m in push_double.messages()] == [
        ("a", "waiting"),
        ("b", "expired"),
        ("a", "expired"),
    ]


def test_messages_of_one_subscription(push_double):
    mine, hers = subscribe(push_double), subscribe(push_double)
    post(push_double, mine)
    post(push_double, hers)
    assert [message["endpoint"] for message in push_double.messages(endpoint=mine.endpoint)] == [mine.endpoint]


@pytest.mark.parametrize(("order", "retry"), [("error:429/30", "30"), ("error:503", None)])
def test_a_refusal_can_be_ordered(push_double, order, retry):
    push_double.order(order)
    answer = post(push_double, subscribe(push_double))
    assert (answer.status_code, answer.headers.get("Retry-After")) == (int(order[6:9]), retry)
    assert push_double.messages() == []


@pytest.mark.parametrize("key", ["AAAA", "%%%", "ключ"])
def test_a_page_cannot_subscribe_with_a_key_that_is_none(push_double, key):
    answer = http.post(f"{push_double.url}/subscribe", json={"applicationServerKey": key})
    assert answer.status_code == 400


# The page and its own part -------------------------------------------------------------------------------------


def test_the_page_shows_messages_newest_first_as_text(push_double):
    subscription = subscribe(push_double)
    for text in ("first", "<script>alert(1)</script>"):
        post(push_double, subscription, content=body_for(subscription, text))
    answer = push_double.page()
    assert answer.text.index("&lt;script&gt;") < answer.text.index("first")
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["refresh"] == "5"
    assert "refresh" not in push_double.page("/?still=1").headers


def test_the_page_in_two_languages(push_double):
    assert "Пока ничего не отправлено" in push_double.page().text
    assert "Nothing has been sent yet" in push_double.page("/?lang=en").text
    assert push_double.page("/style.css").status_code == 200


@pytest.mark.parametrize("path", ["/", "/messages.json"])
@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test"])
def test_a_foreign_name_that_points_here_sees_nothing(push_double, path, host):
    assert push_double.page(path, Host=host).status_code == 421


def test_a_foreign_name_cannot_give_orders(push_double):
    for path in ("/control/", "/subscribe"):
        answer = http.post(f"{push_double.url}{path}", json={"mode": "drop"}, headers={"Host": "evil.test"})
        assert answer.status_code == 421


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_form_of_another_site_cannot_give_orders(push_double, kind):
    for path in ("/control/", "/subscribe"):
        answer = http.post(f"{push_double.url}{path}", content="{}", headers={"Content-Type": kind})
        assert answer.status_code == 400


@pytest.mark.parametrize(
    ("what", "order"),
    [
        ("", {}),
        ("", {"mode": "explode"}),
        ("", {"mode": "error"}),
        ("", {"mode": "error:x"}),
        ("", {"mode": "http:"}),
        ("", {"mode": "drop", "times": 0}),
        ("unsubscribe", {"endpoint": "nobody"}),
        ("unsubscribe", {}),
        ("clock", {"forward": "x"}),
        ("show", {"endpoint": "nobody", "topic": "x"}),
        ("moon", {}),
    ],
)
def test_an_order_it_does_not_know_is_refused(push_double, what, order):
    assert http.post(f"{push_double.url}/control/{what}", json=order).status_code == 400


@pytest.mark.parametrize("path", ["/etc/passwd", "/push/x"])
def test_anything_else_is_not_found(push_double, path):
    assert push_double.page(path).status_code == 404
    assert http.post(f"{push_double.url}{path}").status_code == 404


def test_the_page_makes_a_practice_browser(push_double):
    answer = http.post(f"{push_double.url}/browser", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    page = push_double.page(answer.headers["Location"]).text
    made = json.loads(html.unescape(page.partition('<pre class="raw">')[2].partition("</pre>")[0]))
    subscription = PushSubscription(made["endpoint"], made["keys"]["p256dh"], made["keys"]["auth"])
    assert post(push_double, subscription).status_code == 201


def test_a_shown_message_is_told_of_as_a_browsers_worker_would():
    with listening() as hook, running("doubles.push", "--shown", hook.url, sockets=("--fd",)) as double:
        subscription = subscribe(double)
        post(double, subscription, content=body_for(subscription, '{"id": "k3Zp"}'), Topic="abc")
        double.control("show", endpoint=subscription.endpoint, topic="abc")
        headers, body = hook.calls[-1]
        assert (body, headers["Sec-Fetch-Site"]) == (b"id=k3Zp", "same-origin")
        assert double.messages()[0]["state"] == "shown"
        assert http.post(f"{double.url}/control/show", json={"endpoint": "x", "topic": "abc"}).status_code == 400


@pytest.mark.parametrize("path", ["/browser", "/show"])
@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_no_other_site_presses_its_buttons(push_double, path, site):
    assert http.post(f"{push_double.url}{path}", headers={"Sec-Fetch-Site": site}).status_code == 403


def test_it_leaves_at_once_even_while_it_keeps_somebody_waiting():
    with running("doubles.push", sockets=("--fd",)) as double:
        double.order("timeout")
        subscription = subscribe(double)
        body = body_for(subscription)
        told = {"Host": "x", "TTL": 60, "Content-Encoding": "aes128gcm", "Content-Length": len(body)}
        told["Authorization"] = token(double.url)
        lines = [
            f"POST /push/{subscription.endpoint.rpartition('/')[2]} HTTP/1.1",
            *(f"{k}: {v}" for k, v in told.items()),
        ]
        head = "\r\n".join([*lines, "", ""])
        with socket.create_connection(double.address) as waiting:
            started = time.monotonic()
            waiting.sendall(head.encode() + body)
            http.get(f"{double.url}/messages.json")
            double.process.send_signal(signal.SIGTERM)
            assert double.process.wait(10) == 0
        assert time.monotonic() - started < 3


def test_it_opens_a_port_of_its_own_and_says_where():
    process = subprocess.Popen(
        [sys.executable, "-m", "doubles.push", "--port", "0"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stderr.readline()
        assert line.startswith("push double: http://127.0.0.1:")
        assert http.get(line.split()[-1]).status_code == 200
    finally:
        process.terminate()
        process.communicate()
