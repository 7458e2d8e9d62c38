"""The messenger's double itself: it refuses what the messenger refuses, and presses "start" for a person."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.contracts.processes import ROOT, http, running
from tests.contracts.webhook import Hook, listening

CHAT = 182182182
SECRET = "hook-secret_1"


def post(
    double, *, chat_id: object = CHAT, text: object = "Есть новое сообщение", token="demo", **query
) -> httpx.Response:
    headers = {} if token is None else {"Authorization": token}
    params = {"chat_id": chat_id, **query}
    return http.post(f"{double.url}/messages", params=params, json={"text": text}, headers=headers)


def press(double, **order) -> dict:
    return http.post(f"{double.url}/control/press", json={"chat_id": CHAT, **order}).raise_for_status().json()


@pytest.fixture
def hook(max_double) -> Iterator[Hook]:
    with listening() as hook:
        max_double.control("hook", url=hook.url, secret=SECRET)
        yield hook


def test_a_message_is_taken(max_double):
    answer = post(max_double)
    assert answer.status_code == 200
    body = answer.json()["message"]["body"]
    assert (body["text"], body["mid"]) == ("Есть новое сообщение", max_double.messages()[0]["mid"])


@pytest.mark.parametrize("token", [None, "", "Bearer demo", "bearer demo", "Demo", "demo2"])
def test_only_the_bare_token_is_taken(max_double, token):
    answer = post(max_double, token=token)
    assert (answer.status_code, answer.json()["code"]) == (401, "verify.token")
    assert max_double.messages() == []


def test_a_token_in_the_address_is_refused_even_with_a_good_header(max_double):
    for token in ("demo", None):
        answer = post(max_double, token=token, access_token="demo")
        assert (answer.status_code, answer.json()["code"]) == (401, "verify.token")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"text": ""}, 400, "proto.payload"),
        ({"text": None}, 400, "proto.payload"),
        ({"text": 5}, 400, "proto.payload"),
        ({"text": "я" * 4001}, 400, "proto.payload"),
        ({"chat_id": 1}, 404, "chat.not.found"),
        ({"chat_id": "x"}, 404, "chat.not.found"),
        ({"chat_id": ""}, 404, "chat.not.found"),
    ],
)
def test_it_refuses_what_the_messenger_refuses(max_double, changes, status, code):
    answer = post(max_double, **changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert max_double.messages() == []


def test_a_person_who_stopped_the_bot_is_not_written_to_until_starting_again(max_double):
    max_double.control("stop", chat_id=CHAT)
    answer = post(max_double)
    assert (answer.status_code, answer.json()["code"]) == (403, "chat.denied")
    assert "error.dialog.suspended" in answer.json()["message"]
    press(max_double)
    assert post(max_double).status_code == 200


def test_two_messages_a_second_in_one_dialog(max_double):
    statuses = [post(max_double).status_code for _ in range(12)]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses  # the third, unless the machine is slow
    press(max_double, chat_id=2)
    assert post(max_double, chat_id=2).status_code == 200
    max_double.control("clock", forward=1.1)
    assert post(max_double).status_code == 200


def test_thirty_messages_a_second_of_one_bot(max_double):
    statuses = []
    started = time.monotonic()
    for number in range(1, 33):
        press(max_double, chat_id=number)
        statuses.append(post(max_double, chat_id=number).status_code)
    if time.monotonic() - started < 1:  # a slow machine never comes near
        assert statuses.count(429) == 2


def test_who_the_bot_is(max_double):
    assert http.get(f"{max_double.url}/me", headers={"Authorization": "demo"}).json()["is_bot"] is True
    assert http.get(f"{max_double.url}/me").status_code == 401
    assert http.delete(f"{max_double.url}/me", headers={"Authorization": "demo"}).status_code == 405


# The webhook ---------------------------------------------------------------------------------------------------


def test_start_calls_the_webhook_with_the_links_payload(max_double, hook):
    answer = press(max_double, payload="token-of-a-link")
    assert answer["status"] == 200
    headers, body = hook.calls[-1]
    update = json.loads(body)
    assert (update["update_type"], update["chat_id"], update["payload"]) == ("bot_started", CHAT, "token-of-a-link")
    assert headers["X-Max-Bot-Api-Secret"] == SECRET
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("payload", ["", "x" * 129])
def test_an_empty_or_too_long_payload_is_not_passed_on(max_double, hook, payload):
    press(max_double, payload=payload)
    assert "payload" not in json.loads(hook.calls[-1][1])


def test_a_call_can_be_repeated(max_double, hook):
    hook.status = 500
    assert press(max_double, payload="token-of-a-link")["status"] == 500
    hook.status = 200
    max_double.control("repeat")
    assert len(hook.calls) == 2
    assert hook.calls[0][1] == hook.calls[1][1]


def test_the_bot_itself_says_where_to_call(max_double, hook):
    max_double.control("hook", url="")
    headers = {"Authorization": "demo"}
    place = f"{max_double.url}/subscriptions"
    given = {"url": hook.url, "update_types": ["bot_started"], "secret": "another-secret"}
    assert http.post(place, json=given, headers=headers).json() == {"success": True}
    assert http.get(place, headers=headers).json() == {"subscriptions": [{"url": hook.url}]}
    press(max_double)
    assert hook.calls[-1][0]["X-Max-Bot-Api-Secret"] == "another-secret"
    http.delete(place, params={"url": hook.url}, headers=headers)
    assert press(max_double)["status"] == 0


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://evil.test/"},
        {"url": "http://10.0.0.5/"},
        {"url": "https://127.0.0.1/"},
        {"url": "file:///etc/passwd"},
        {"url": ""},
        {"url": "http://127.0.0.1:9/", "secret": "abcd"},
        {"url": "http://127.0.0.1:9/", "secret": "with space"},
        {"url": "http://127.0.0.1:9/", "secret": "x" * 257},
    ],
)
def test_it_calls_nobody_outside_this_machine_and_takes_proper_secrets_only(max_double, given):
    answer = http.post(f"{max_double.url}/subscriptions", json=given, headers={"Authorization": "demo"})
    assert answer.status_code == 400
    assert press(max_double)["status"] == 0


def test_nobody_at_home_is_status_0(max_double):
    max_double.control("hook", url="http://127.0.0.1:1/", secret=SECRET)
    assert press(max_double)["status"] == 0


# The page and its own part -------------------------------------------------------------------------------------


def test_the_page_shows_messages_newest_first_as_text(max_double):
    post(max_double, text="first")
    post(max_double, text="<script>alert(1)</script> https://portal.test/m/a")
    answer = max_double.page()
    assert answer.text.index("&lt;script&gt;") < answer.text.index("first")
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["refresh"] == "5"


def test_the_page_in_two_languages(max_double):
    assert "Бот ещё ничего не написал" in max_double.page().text
    assert "The bot has written nothing yet" in max_double.page("/?lang=en").text
    assert max_double.page("/style.css").status_code == 200


def test_a_person_presses_start_with_a_pasted_link(max_double, hook):
    assert 'action="/press"' in max_double.page("/?still=1").text
    pasted = {"link": "https://max.ru/demo_bot?start=token-of-a-link", "lang": "en"}
    answer = http.post(f"{max_double.url}/press", data=pasted, headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/?lang=en")
    assert json.loads(hook.calls[-1][1])["payload"] == "token-of-a-link"


def test_a_link_to_the_bot_leads_to_the_button(max_double):
    page = max_double.page("/demo_bot?start=token-of-a-link").text
    assert 'action="/press"' in page and 'value="token-of-a-link"' in page
    assert "&lt;img" in max_double.page("/demo_bot?start=%3Cimg").text


def test_a_person_writes_stop_on_the_page(max_double, hook):
    http.post(
        f"{max_double.url}/messages", params={"chat_id": CHAT}, json={"text": "x"}, headers={"Authorization": "demo"}
    )
    assert 'action="/say"' in max_double.page("/?still=1").text
    said = {"chat_id": str(CHAT), "text": "стоп"}
    same = {"Sec-Fetch-Site": "same-origin"}
    assert http.post(f"{max_double.url}/say", data=said, headers=same).status_code == 303
    assert json.loads(hook.calls[-1][1])["message"]["body"]["text"] == "стоп"
    assert http.post(f"{max_double.url}/say", data=said | {"chat_id": "5"}, headers=same).status_code == 400


def test_only_the_kinds_asked_for_are_told(max_double, hook):
    given = {"url": hook.url, "update_types": ["bot_started"], "secret": SECRET}
    http.post(f"{max_double.url}/subscriptions", json=given, headers={"Authorization": "demo"})
    max_double.control("stop", chat_id=182182182)
    press(max_double)
    assert [json.loads(body)["update_type"] for _, body in hook.calls] == ["bot_started"]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_no_other_site_presses(max_double, hook, site):
    answer = http.post(f"{max_double.url}/press", data={"link": "x"}, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert hook.calls == []


@pytest.mark.parametrize("path", ["/", "/messages.json"])
@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test"])
def test_a_foreign_name_that_points_here_sees_nothing(max_double, path, host):
    assert max_double.page(path, Host=host).status_code == 421


def test_a_foreign_name_cannot_give_orders(max_double):
    for path in ("/control/", "/control/press", "/press"):
        answer = http.post(f"{max_double.url}{path}", json={"mode": "drop"}, headers={"Host": "evil.test"})
        assert answer.status_code == 421


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_form_of_another_site_cannot_give_orders(max_double, kind):
    for path in ("/control/", "/control/press"):
        answer = http.post(f"{max_double.url}{path}", content='{"chat_id":1}', headers={"Content-Type": kind})
        assert answer.status_code == 400


@pytest.mark.parametrize(
    ("what", "order"),
    [
        ("", {}),
        ("", {"mode": "explode"}),
        ("", {"mode": "error"}),
        ("", {"mode": "bare:x"}),
        ("", {"mode": "drop", "times": 0}),
        ("press", {}),
        ("press", {"chat_id": "x"}),
        ("stop", {"chat_id": 5}),
        ("hook", {}),
        ("clock", {"forward": "x"}),
        ("moon", {}),
    ],
)
def test_an_order_it_does_not_know_is_refused(max_double, what, order):
    assert http.post(f"{max_double.url}/control/{what}", json=order).status_code == 400


def test_anything_else_is_not_found(max_double):
    for path in ("/etc/passwd", "/chats"):
        assert max_double.page(path).status_code == 404
        assert http.post(f"{max_double.url}{path}").status_code == 404


@pytest.mark.parametrize("body", [b"{", b"\xff"])
def test_a_body_that_is_no_json_is_400(max_double, body):
    answer = http.post(f"{max_double.url}/messages", content=body, headers={"Authorization": "demo"})
    assert answer.status_code == 400


def test_it_leaves_at_once_even_while_it_keeps_somebody_waiting():
    with running("doubles.max", sockets=("--fd",)) as double:
        press(double)
        double.order("timeout")
        body = b'{"text":"x"}'
        lines = [f"POST /messages?chat_id={CHAT} HTTP/1.1", "Host: x", "Authorization: demo", "Content-Length: 12"]
        head = "\r\n".join([*lines, "", ""])
        with socket.create_connection(double.address) as waiting:
            waiting.sendall(head.encode() + body)
            http.get(f"{double.url}/messages.json")
            started = time.monotonic()
            double.process.send_signal(signal.SIGTERM)
            assert double.process.wait(10) == 0
        assert time.monotonic() - started < 2


def test_its_options_say_where_to_call():
    with (
        listening() as hook,
        running("doubles.max", "--hook", hook.url, "--secret", SECRET, sockets=("--fd",)) as double,
    ):
        assert press(double)["status"] == 200
        double.control("reset")
        assert press(double)["status"] == 200
    assert hook.calls[-1][0]["X-Max-Bot-Api-Secret"] == SECRET


def test_it_opens_a_port_of_its_own_and_says_where():
    process = subprocess.Popen(
        [sys.executable, "-m", "doubles.max", "--port", "0"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stderr.readline()
        assert line.startswith("max double: http://127.0.0.1:")
        assert http.get(line.split()[-1]).status_code == 200
    finally:
        process.terminate()
        process.communicate()


def test_a_webhook_elsewhere_is_one_line():
    command = [sys.executable, "-m", "doubles.max", "--port", "0", "--hook", "http://evil.test/"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 2
    assert "this machine only" in result.stderr
