"""The MAX adapter against the messenger's double: each refusal, each silence, the token, the webhook's own words."""

import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from functools import cache
from uuid import UUID

import httpx
import pytest

from portal.adapters.chat.max import MaxSender
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports_chat import ChatEvent, ChatEventKind
from portal.settings import Settings
from tests.contracts.processes import Double, certificate, closed_port
from tests.contracts.webhook import Hook, listening

CHAT = "182182182"
TEXT = "Есть новое сообщение, код 987654"
KEY = UUID("11111111-2222-4333-8444-555555555555")
SECRET = "hook-secret_1"
BINDING = "k3ZpQ7-_w8Xv2Lm9"
IMPATIENT = 2.5  # seconds; only where an answer never comes


@cache
def build(url: str, **changes) -> MaxSender:
    return MaxSender(**{"url": url, "token": "demo", "hook_secret": SECRET, "bot_name": "demo_bot", **changes})


def send(sender: MaxSender):
    return sender.send(CHAT, TEXT, key=KEY)


@pytest.fixture
def sender(max_double) -> MaxSender:
    return build(max_double.url)


# Refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "code", "permanent", "stops_provider"),
    [
        ("error:400", "bad-request", True, False),
        ("error:401", "wrong-token", False, True),
        ("error:403", "blocked", True, False),
        ("error:404", "no-chat", True, False),
        ("error:405", "http-405", False, True),
        ("error:429", "too-often", False, False),
        ("error:503", "unavailable", False, False),
        ("bare:400", "http-400", False, True),
        ("bare:401", "http-401", False, True),
        ("bare:403", "http-403", False, True),
        ("bare:404", "http-404", False, True),
        ("bare:301", "http-301", False, True),
        ("bare:429", "too-often", False, False),
        ("bare:503", "unavailable", False, False),
    ],
)
def test_each_refusal_has_its_class(sender, max_double, order, code, permanent, stops_provider):
    max_double.order(order)
    with pytest.raises(PortFailure) as refused:
        send(sender)
    failure = refused.value
    assert (failure.code, failure.permanent, failure.stops_provider) == (code, permanent, stops_provider)
    assert max_double.messages() == []


def answering(sender: MaxSender, status: int, **answer) -> MaxSender:
    """The same with a messenger that always answers so."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=answer))
    sender._client = httpx.Client(base_url="http://max.test", transport=transport)
    return sender


def test_another_403_is_about_the_bot_and_not_about_the_person():
    with pytest.raises(PortFailure) as refused:
        send(answering(fresh(), 403, code="access.denied", message="no"))
    assert (refused.value.code, refused.value.permanent, refused.value.stops_provider) == ("forbidden", False, True)


def test_a_wrong_token_stops_the_provider(max_double):
    with pytest.raises(PortFailure) as refused:
        send(build(max_double.url, token="Bearer demo"))
    assert (refused.value.code, refused.value.stops_provider) == ("wrong-token", True)


def test_a_dialog_nobody_opened_is_refused_for_good(sender):
    with pytest.raises(PortFailure) as refused:
        sender.send("1", TEXT, key=KEY)
    assert (refused.value.code, refused.value.permanent) == ("no-chat", True)


def test_a_third_message_within_a_second_comes_again_later(sender, max_double):
    with pytest.raises(PortFailure) as refused:
        for _ in range(20):  # the third, unless the machine is slow
            send(sender)
    assert (refused.value.code, refused.value.permanent) == ("too-often", False)
    before = len(max_double.messages())
    assert before >= 2
    max_double.control("clock", forward=1.1)
    send(sender)
    assert len(max_double.messages()) == before + 1


@pytest.mark.parametrize("token", ["", "дем", "de\nmo", "demo\r\nX-Evil: 1"])
def test_without_a_token_nothing_is_even_asked(max_double, token):
    with pytest.raises(PortFailure) as refused:
        send(build(max_double.url, token=token))
    assert (refused.value.code, refused.value.stops_provider) == ("not-configured", True)
    assert max_double.requests() == 0


def fresh(**changes) -> MaxSender:
    return MaxSender(**{"url": f"http://127.0.0.1:{closed_port()}", "token": "demo", **changes})


def test_a_messenger_that_is_away_is_a_temporary_failure():
    with pytest.raises(PortFailure) as refused:
        send(fresh())
    assert (refused.value.code, refused.value.permanent, refused.value.stops_provider) == ("unreachable", False, True)


@pytest.fixture
def encrypted(tmp_path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Somebody who speaks TLS with a certificate of his own and hangs up: his address, and who trusts him."""
    cert, key, trusting = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_greet, args=(server, context), daemon=True).start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}", trusting


def _greet(server: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = server.accept()
    try:
        with context.wrap_socket(connection, server_side=True) as talk:
            talk.recv(1)
    except OSError:
        connection.close()


def test_a_certificate_that_is_not_trusted_is_told_apart(encrypted):
    with pytest.raises(PortFailure) as refused:
        send(fresh(url=encrypted[0]))
    assert (refused.value.code, refused.value.permanent, refused.value.stops_provider) == ("tls-failed", False, True)


def test_an_authority_on_the_list_is_trusted(encrypted):
    url, trusting = encrypted
    with pytest.raises(PortUnknown):  # the token was written, then he hung up
        send(fresh(url=url, tls=trusting))


# Unknown outcomes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("silence", ["timeout", "lost", "http:500", "http:502", "http:504", "http:200"])
def test_after_silence_nobody_knows(max_double, silence):
    max_double.order(silence)
    with pytest.raises(PortUnknown):
        send(build(max_double.url, timeout=IMPATIENT))
    assert len(max_double.messages()) == 1


def test_when_nothing_was_taken_nobody_knows_either(sender, max_double):
    max_double.order("drop")
    with pytest.raises(PortUnknown, match="no-answer"):
        send(sender)
    assert max_double.messages() == []


@pytest.mark.parametrize(
    "answer", [{}, {"message": None}, {"message": {"body": {}}}, {"message": {"body": {"mid": 5}}}]
)
def test_a_success_without_the_messages_id_is_unknown(answer):
    with pytest.raises(PortUnknown, match="bad-answer"):
        send(answering(fresh(), 200, **answer))


# On the wire ---------------------------------------------------------------------------------------------------


@pytest.fixture
def wire(monkeypatch) -> list[httpx.Request]:
    """Requests that would have gone out; each is answered with success."""
    requests = []

    def answer(_, request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"message": {"body": {"mid": "mid.1"}}})

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    return requests


def test_the_token_travels_in_its_header_only_and_as_it_is(wire):
    assert send(fresh(url="https://platform-api2.max.ru", token="top-secret")).provider_ref == "mid.1"
    (request,) = wire
    assert request.headers["Authorization"] == "top-secret"
    assert "top-secret" not in str(request.url)
    assert (request.url.host, request.url.path) == ("platform-api2.max.ru", "/messages")
    assert dict(request.url.params) == {"chat_id": CHAT, "disable_link_preview": "true"}
    assert json.loads(request.content) == {"text": TEXT}


def test_a_redirect_never_sees_the_token(monkeypatch):
    asked = []

    def elsewhere(_, request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(307, headers={"Location": "/elsewhere"})

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", elsewhere)
    with pytest.raises(PortFailure, match="http-307"):
        send(fresh())
    assert len(asked) == 1


def test_the_default_host_is_the_one_that_is_obligatory_now():
    assert Settings.model_fields["max_url"].default == "https://platform-api2.max.ru"


def test_a_proxy_of_the_environment_sees_nothing(max_double, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    send(fresh(url=max_double.url))
    assert len(max_double.messages()) == 1


def test_nothing_personal_is_logged(sender, max_double, caplog):
    caplog.set_level(logging.DEBUG)
    send(sender)
    max_double.order("error:403")
    with pytest.raises(PortFailure):
        send(sender)
    assert not any(secret in caplog.text for secret in (CHAT, "987654", "сообщение"))


def test_no_timeout_is_unlimited():
    timeout = fresh()._client.timeout
    assert isinstance(timeout, httpx.Timeout)
    assert all(0 < limit <= 10 for limit in timeout.as_dict().values())


def test_from_settings_takes_the_five_values(max_double):
    class Portal:
        max_url, max_token, max_hook_secret, max_bot_name = max_double.url, "demo", SECRET, "demo_bot"
        max_link_url = "https://max.ru"

    sender = MaxSender.from_settings(Portal)
    send(sender)
    assert sender.start_link(BINDING) == f"https://max.ru/demo_bot?start={BINDING}"
    assert sender.parse_update(b"{}", SECRET) == ChatEvent(ChatEventKind.OTHER)


def test_a_bot_without_a_name_has_no_link():
    assert fresh().start_link(BINDING) == ""


# The webhook ---------------------------------------------------------------------------------------------------


@pytest.fixture
def hook(max_double) -> Iterator[Hook]:
    with listening() as hook:
        max_double.control("hook", url=hook.url, secret=SECRET)
        yield hook


def read(hook: Hook, sender: MaxSender) -> ChatEvent | None:
    headers, body = hook.calls[-1]
    return sender.parse_update(body, headers.get("X-Max-Bot-Api-Secret", ""))


def test_the_messengers_own_call_binds_a_dialog(sender, max_double, hook):
    max_double.control("press", chat_id=77, payload=BINDING)
    assert read(hook, sender) == ChatEvent(ChatEventKind.STARTED, "77", BINDING)


@pytest.mark.parametrize("event", ["bot_stopped", "dialog_removed"])
def test_the_messengers_own_call_ends_it(sender, max_double, hook, event):
    max_double.control("stop", chat_id=int(CHAT), event=event)
    assert read(hook, sender) == ChatEvent(ChatEventKind.STOPPED, CHAT)


def test_a_call_for_another_secret_is_not_believed(max_double, hook):
    max_double.control("press", chat_id=77, payload=BINDING)
    assert read(hook, build(max_double.url, hook_secret="another-one")) is None


def test_without_a_secret_of_ours_nothing_is_believed(max_double: Double):
    assert fresh(hook_secret="").parse_update(b'{"update_type":"bot_stopped","chat_id":5}', "") is None


@pytest.mark.parametrize("text", ["стоп", "Стоп.", " STOP ", "/stop", "стоп!"])
def test_who_writes_stop_gets_nothing_more(sender, max_double, hook, text):
    max_double.control("say", chat_id=int(CHAT), text=text)
    assert read(hook, sender) == ChatEvent(ChatEventKind.STOPPED, CHAT)


@pytest.mark.parametrize("text", ["", "не стоп", "стоп кран", "Спасибо"])
def test_other_words_mean_nothing(sender, max_double, hook, text):
    max_double.control("say", chat_id=int(CHAT), text=text)
    assert read(hook, sender) == ChatEvent(ChatEventKind.OTHER)


def test_in_a_group_the_bot_listens_to_nobody(sender, max_double, hook):
    max_double.control("say", chat_id=int(CHAT), text="стоп", chat_type="chat")
    assert read(hook, sender) == ChatEvent(ChatEventKind.OTHER)


def test_the_messenger_is_told_where_to_call_and_again_when_it_has_forgotten(sender, max_double):
    with listening() as hook:
        assert sender.keep_hook(hook.url) is True
        assert sender.keep_hook(hook.url) is False
        max_double.control("say", chat_id=int(CHAT), text="стоп")
        assert read(hook, sender) == ChatEvent(ChatEventKind.STOPPED, CHAT)
        max_double.control("hook", url="")  # eight hours without a success
        assert sender.keep_hook(hook.url) is True
        max_double.control("press", chat_id=77, payload=BINDING)
        assert read(hook, sender) == ChatEvent(ChatEventKind.STARTED, "77", BINDING)


def test_an_address_the_messenger_does_not_take_is_told(sender):
    with pytest.raises(PortFailure, match="bad-request"):
        sender.keep_hook("https://elsewhere.example/hooks/max/")


def test_without_a_secret_the_messenger_is_not_asked_to_call(max_double):
    with pytest.raises(PortFailure, match="not-configured"):
        fresh(url=max_double.url, token="demo", hook_secret="").keep_hook("http://127.0.0.1:1/")


def test_a_link_leads_where_the_settings_say():
    assert fresh(bot_name="demo_bot", link_url="http://127.0.0.1:8031").start_link(BINDING) == (
        f"http://127.0.0.1:8031/demo_bot?start={BINDING}"
    )
