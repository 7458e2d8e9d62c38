"""The double of SMS.ru itself: it refuses what the gateway refuses."""

import socket
import subprocess
import sys

import httpx
import pytest

from tests.contracts.processes import ROOT, http

GIVEN = {"api_id": "demo", "to": "79123456789", "msg": "Код 123456", "from": "DEMOCLINIC", "json": "1"}


def ask(double, path="/sms/send", **changes) -> httpx.Response:
    given = {name: value for name, value in {**GIVEN, **changes}.items() if value is not None}
    return http.post(f"{double.url}{path}", data=given)


def test_a_message_is_taken(smsru_double):
    answer = ask(smsru_double).json()
    beside = answer["sms"]["79123456789"]
    assert (answer["status"], answer["status_code"], answer["balance"]) == ("OK", 100, 996.5)
    assert (beside["status"], beside["status_code"]) == ("OK", 100)
    (message,) = smsru_double.messages()
    assert (message["id"], message["phone"], message["text"]) == (beside["sms_id"], "+79123456789", "Код 123456")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"api_id": None}, 200),
        ({"api_id": "Demo"}, 200),
        ({"to": None}, 202),
        ({"to": ","}, 202),
        ({"msg": None}, 203),
        ({"msg": ""}, 203),
        ({"from": None}, 204),
        ({"from": ""}, 204),
        ({"from": "OTHERCLINIC"}, 204),
        ({"msg": "я" * 537}, 205),
        ({"to": ",".join(f"7912{n:07}" for n in range(101))}, 207),
    ],
)
def test_a_whole_request_is_refused(smsru_double, changes, code):
    answer = ask(smsru_double, **changes).json()
    assert (answer["status"], answer["status_code"]) == ("ERROR", code)
    assert smsru_double.messages() == []


def test_a_request_beyond_the_balance_is_refused(smsru_double):
    smsru_double.control("balance", balance="6.9")
    assert ask(smsru_double, to="79123456789,79990000000").json()["status_code"] == 201
    assert smsru_double.messages() == []
    assert ask(smsru_double).json()["status_code"] == 100


@pytest.mark.parametrize("path", ["/sms/send", "/sms/status", "/sms/cost", "/my/balance"])
def test_an_address_must_not_carry_the_api_id(smsru_double, path):
    answer = http.get(f"{smsru_double.url}{path}", params=GIVEN).json()
    assert answer["status_code"] == 210
    assert smsru_double.messages() == []


def test_an_address_that_is_not_there(smsru_double):
    assert ask(smsru_double, "/sms/delete").json()["status_code"] == 211


def test_eight_parts_and_a_hundred_numbers_are_taken(smsru_double):
    smsru_double.control("balance", balance="5000")
    answer = ask(smsru_double, to=",".join(f"7912{n:07}" for n in range(100)), msg="я" * 536).json()
    assert {beside["status_code"] for beside in answer["sms"].values()} == {100}
    assert len(smsru_double.messages()) == 100


@pytest.mark.parametrize("phone", ["123", "7912345678", "791234567890", "71123456789", "phone"])
def test_a_bad_number_is_told_beside_it_and_the_others_are_served(smsru_double, phone):
    answer = ask(smsru_double, to=f"79123456789,{phone}").json()
    assert answer["status_code"] == 100
    assert answer["sms"][phone]["status_code"] == 202
    assert answer["sms"]["79123456789"]["status_code"] == 100
    assert len(smsru_double.messages()) == 1


def beside(double, **changes) -> int:
    (told,) = ask(double, **changes).json()["sms"].values()
    return told["status_code"]


def test_an_equal_text_is_refused_for_a_minute_and_a_day(smsru_double):
    assert beside(smsru_double) == 100
    assert beside(smsru_double) == 231
    smsru_double.control("clock", forward=61)
    assert beside(smsru_double) == 232
    assert beside(smsru_double, msg="Код 654321") == 100
    assert beside(smsru_double, to="79990000000") == 100
    smsru_double.control("clock", forward=24 * 3600)
    assert beside(smsru_double) == 100


def test_the_stop_list(smsru_double):
    smsru_double.control("stop", phone="8 (912) 345-67-89")
    assert beside(smsru_double) == 209
    assert beside(smsru_double, to="79990000000") == 100


def test_a_trial_sends_nothing(smsru_double):
    assert beside(smsru_double, test="1") == 100
    assert smsru_double.messages() == []
    assert beside(smsru_double) == 100


def test_a_message_goes_from_sent_to_delivered(smsru_double):
    ref = ask(smsru_double).json()["sms"]["79123456789"]["sms_id"]
    told = ask(smsru_double, "/sms/status", sms_id=f"{ref},000000-1").json()
    assert (told["status"], told["status_code"]) == ("OK", 100)
    assert (told["sms"][ref]["status_code"], told["sms"][ref]["cost"]) == (102, 3.5)
    assert (told["sms"]["000000-1"]["status"], told["sms"]["000000-1"]["status_code"]) == ("ERROR", -1)
    smsru_double.control("clock", forward=31)
    assert ask(smsru_double, "/sms/status", sms_id=ref).json()["sms"][ref]["status_code"] == 103


def test_the_price_alone_sends_nothing(smsru_double):
    told = ask(smsru_double, "/sms/cost", to="79123456789,123", msg="я" * 71).json()
    assert (told["total_cost"], told["total_sms"]) == (7.0, 2)
    assert told["sms"]["123"]["status_code"] == 202
    assert smsru_double.messages() == []


def test_the_balance(smsru_double):
    ask(smsru_double)
    assert ask(smsru_double, "/my/balance").json() == {"status": "OK", "status_code": 100, "balance": 996.5}


@pytest.mark.parametrize(
    ("path", "changes", "lines"),
    [
        ("/sms/send", {"api_id": "x"}, ["200"]),
        ("/sms/send", {"to": "123"}, ["100", "202", "balance=1000.0"]),
        ("/sms/status", {"sms_id": "000000-1"}, ["100", "-1", "balance=1000.0"]),
        ("/my/balance", {}, ["100", "1000.0"]),
    ],
)
def test_without_json_the_answer_is_lines(smsru_double, path, changes, lines):
    assert ask(smsru_double, path, json=None, **changes).text.splitlines() == lines


# The orders and the page ---------------------------------------------------------------------------------------


def test_an_order_refuses_one_number_or_the_whole(smsru_double):
    smsru_double.order("error:230")
    assert beside(smsru_double) == 230
    smsru_double.order("deny:220")
    assert ask(smsru_double).json()["status_code"] == 220
    assert smsru_double.messages() == []


def test_an_order_loses_the_answer_after_the_effect(smsru_double):
    smsru_double.order("lost")
    with pytest.raises(httpx.HTTPError):
        ask(smsru_double)
    smsru_double.order("http:500")
    assert ask(smsru_double, msg="Другой текст").status_code == 500
    assert len(smsru_double.messages()) == 2


@pytest.mark.parametrize(
    ("what", "order"),
    [
        ("", {"mode": "explode"}),
        ("", {"mode": "error:x"}),
        ("", {"mode": "drop", "on": "moon"}),
        ("stop", {"phone": "x"}),
    ],
)
def test_an_order_it_does_not_know_is_refused(smsru_double, what, order):
    assert http.post(f"{smsru_double.url}/control/{what}", json=order).status_code == 400


def test_the_page_shows_messages_and_the_last_code(smsru_double):
    smsru_double.order("status:104")
    ask(smsru_double)
    smsru_double.control("clock", forward=31)
    page = smsru_double.page().text
    assert "<output>123456</output>" in page
    assert "+7 912 345-67-89" in page
    assert "просрочено" in page
    assert "expired" in smsru_double.page("/?lang=en").text


def test_messages_to_one_number(smsru_double):
    ask(smsru_double, to="79123456789,79990000000")
    assert [message["phone"] for message in smsru_double.messages(phone="8 (999) 000-00-00")] == ["+79990000000"]


@pytest.mark.parametrize("path", ["/", "/messages.json"])
def test_a_foreign_name_that_points_here_sees_nothing(smsru_double, path):
    ask(smsru_double)
    answer = smsru_double.page(path, Host="evil.test")
    assert answer.status_code == 421
    assert "123456" not in answer.text


def test_it_opens_a_port_of_its_own_and_says_where():
    process = subprocess.Popen(
        [sys.executable, "-m", "doubles.smsru", "--port", "0"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stderr.readline()
        assert line.startswith("smsru double: http://127.0.0.1:")
        assert http.get(line.split()[-1]).status_code == 200
    finally:
        process.terminate()
        process.communicate()


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = [sys.executable, "-m", "doubles.smsru", "--port", str(port)]
        result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines() == [f"Cannot listen on 127.0.0.1:{port}: Address already in use."]
