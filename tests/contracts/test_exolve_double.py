"""The double of MTS Exolve itself: it refuses what the gateway refuses."""

import socket
import subprocess
import sys

import httpx
import pytest

from tests.contracts.processes import ROOT, http, running_exolve

GIVEN = {"number": "DEMOCLINIC", "destination": "79123456789", "text": "Код 123456"}
BEARER = {"Authorization": "Bearer demo"}


def ask(double, method="SendSMS", headers=BEARER, **changes) -> httpx.Response:
    given = {name: value for name, value in {**GIVEN, **changes}.items() if value is not None}
    return http.post(f"{double.url}/messaging/v1/{method}", json=given, headers=headers)


def listed(double, **filters) -> list[dict]:
    answer = http.post(f"{double.url}/messaging/v1/GetList", json=filters, headers=BEARER)
    return answer.raise_for_status().json()["messages"]


def test_a_message_is_taken(exolve_double):
    answer = ask(exolve_double)
    assert answer.status_code == 200
    (message,) = exolve_double.messages()
    assert answer.json() == {"message_id": message["id"]}
    assert (message["phone"], message["sender"], message["text"]) == ("+79123456789", "DEMOCLINIC", "Код 123456")


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "demo"}, {"Authorization": "Bearer other"}, {"Authorization": "Basic demo"}]
)
@pytest.mark.parametrize("method", ["SendSMS", "GetList", "GetAlphaNames"])
def test_without_the_key_nothing_is_told(exolve_double, headers, method):
    answer = ask(exolve_double, method, headers)
    assert (answer.status_code, answer.json()) == (401, {"error": {"message": "unauthorized"}})
    assert exolve_double.messages() == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"number": None}, 400),
        ({"number": ""}, 400),
        ({"destination": None}, 400),
        ({"text": None}, 400),
        ({"text": ""}, 400),
        ({"text": 5}, 400),
        ({"destination": "+79123456789"}, 400),
        ({"destination": "89123456789"}, 400),
        ({"destination": "7912345678"}, 400),
        ({"destination": "79123456789,79990000000"}, 400),
        ({"number": "OTHERCLINIC"}, 403),
        ({"number": "79123456789", "destination": "DEMOCLINIC"}, 403),
    ],
)
def test_it_refuses_what_the_gateway_refuses(exolve_double, changes, status):
    answer = ask(exolve_double, **changes)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert exolve_double.messages() == []


def test_city_and_8_800_numbers_cannot_send_even_when_they_are_ours():
    with running_exolve("--sender=74951234567", "--sender=88001234567", "--sender=79997654321") as double:
        statuses = [ask(double, number=number).status_code for number in ("74951234567", "88001234567", "79997654321")]
    assert statuses == [403, 403, 200]


def test_a_message_beyond_the_balance_is_refused(exolve_double):
    exolve_double.control("balance", balance="3.4")
    assert ask(exolve_double).status_code == 402
    assert exolve_double.messages() == []


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"number=1"])
def test_only_a_json_object_is_read(exolve_double, body):
    answer = http.post(f"{exolve_double.url}/messaging/v1/SendSMS", content=body, headers=BEARER)
    assert answer.status_code == 400


def test_get_is_refused(exolve_double):
    assert http.get(f"{exolve_double.url}/messaging/v1/SendSMS", params=GIVEN, headers=BEARER).status_code == 405


def test_a_method_that_is_not_there(exolve_double):
    assert ask(exolve_double, "Delete").status_code == 404


def test_the_same_message_is_sent_again(exolve_double):
    assert ask(exolve_double).json() != ask(exolve_double).json()
    assert len(exolve_double.messages()) == 2


def test_a_message_goes_from_sent_to_delivered(exolve_double):
    ref = ask(exolve_double).json()["message_id"]
    assert [each["delivery_status"] for each in listed(exolve_double, message_id=ref)] == ["SENT"]
    exolve_double.control("clock", forward=31)
    assert [each["delivery_status"] for each in listed(exolve_double, message_id=int(ref))] == ["DELIVERED"]


def test_a_list_without_filters_tells_everything_newest_first(exolve_double):
    refs = [ask(exolve_double, text=f"Текст {n}").json()["message_id"] for n in range(3)]
    assert [each["message_id"] for each in listed(exolve_double)] == refs[::-1]
    assert [each["message_id"] for each in listed(exolve_double, limit=1, offset=1)] == [refs[1]]
    assert listed(exolve_double, message_id="1") == []
    assert listed(exolve_double, destination="79990000000") == []
    assert len(listed(exolve_double, number="DEMOCLINIC")) == 3


@pytest.mark.parametrize("filters", [{"limit": "many"}, {"limit": -1}, {"offset": None}])
def test_a_list_needs_proper_numbers(exolve_double, filters):
    answer = http.post(f"{exolve_double.url}/messaging/v1/GetList", json=filters, headers=BEARER)
    assert answer.status_code == 400


def test_registered_names_can_be_asked_for(exolve_double):
    assert ask(exolve_double, "GetAlphaNames").json() == {"alpha_names": [{"name": "DEMOCLINIC"}]}


# The orders and the page ---------------------------------------------------------------------------------------


def test_an_order_loses_the_answer_after_the_effect(exolve_double):
    exolve_double.order("lost")
    with pytest.raises(httpx.HTTPError):
        ask(exolve_double)
    exolve_double.order("http:500")
    assert ask(exolve_double).status_code == 500
    assert len(exolve_double.messages()) == 2


def test_an_order_takes_nothing(exolve_double):
    exolve_double.order("drop")
    with pytest.raises(httpx.HTTPError):
        ask(exolve_double)
    assert exolve_double.messages() == []


@pytest.mark.parametrize(
    "order", [{"mode": "explode"}, {"mode": "error:x"}, {"mode": "status:<b>"}, {"mode": "drop", "on": "moon"}]
)
def test_an_order_it_does_not_know_is_refused(exolve_double, order):
    assert http.post(f"{exolve_double.url}/control/", json=order).status_code == 400


def test_the_page_shows_messages_and_the_last_code(exolve_double):
    exolve_double.order("status:UNDELIVERED")
    ask(exolve_double)
    exolve_double.order("status:NEWS_TO_US")
    ask(exolve_double, text="Запись 24.11 в 10:30")
    exolve_double.control("clock", forward=31)
    page = exolve_double.page().text
    assert "<output>123456</output>" in page
    assert "+7 912 345-67-89" in page
    assert "не доставлено" in page
    assert "NEWS_TO_US" in page
    assert "not delivered" in exolve_double.page("/?lang=en").text


def test_messages_to_one_number(exolve_double):
    ask(exolve_double)
    ask(exolve_double, destination="79990000000")
    assert [message["phone"] for message in exolve_double.messages(phone="8 (999) 000-00-00")] == ["+79990000000"]


@pytest.mark.parametrize("path", ["/", "/messages.json"])
def test_a_foreign_name_that_points_here_sees_nothing(exolve_double, path):
    ask(exolve_double)
    answer = exolve_double.page(path, Host="evil.test")
    assert answer.status_code == 421
    assert "123456" not in answer.text


def test_it_opens_a_port_of_its_own_and_says_where():
    process = subprocess.Popen(
        [sys.executable, "-m", "doubles.exolve", "--port", "0"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stderr.readline()
        assert line.startswith("exolve double: http://127.0.0.1:")
        assert http.get(line.split()[-1]).status_code == 200
    finally:
        process.terminate()
        process.communicate()


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = [sys.executable, "-m", "doubles.exolve", "--port", str(port)]
        result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines() == [f"Cannot listen on 127.0.0.1:{port}: Address already in use."]
