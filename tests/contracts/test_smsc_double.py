"""The gateway's double itself: it refuses what the gateway refuses, and its page shows what was sent."""

import ast
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.contracts.processes import ROOT, http, running_smsc

GIVEN = {
    "login": "demo",
    "psw": "demo",
    "phones": "79123456789",
    "mes": "Код 123456",
    "sender": "DEMOCLINIC",
    "charset": "utf-8",
    "fmt": "3",
    "id": "7",
}


def ask(double, path="/sys/send.php", **changes) -> httpx.Response:
    given = {name: value for name, value in {**GIVEN, **changes}.items() if value is not None}
    return http.post(f"{double.url}{path}", data=given)


@pytest.mark.parametrize(
    ("changes", "code", "tells_id"),
    [
        ({"login": None}, 1, False),
        ({"psw": None}, 1, False),
        ({"phones": None}, 1, False),
        ({"mes": None}, 1, False),
        ({"mes": ""}, 1, False),
        ({"id": "0"}, 1, False),
        ({"id": "2147483648"}, 1, False),
        ({"id": "-1"}, 1, False),
        ({"id": "seven"}, 1, False),
        ({"psw": "wrong"}, 2, False),
        ({"login": "Demo"}, 2, False),
        ({"time": "3202261200"}, 5, False),
        ({"time": "tomorrow"}, 5, False),
        ({"sender": None}, 6, True),
        ({"sender": ""}, 6, True),
        ({"sender": "."}, 6, True),
        ({"sender": "SMSC.RU"}, 6, True),
        ({"phones": "123"}, 7, True),
        ({"phones": "7912345678"}, 7, True),
        ({"phones": "791234567890"}, 7, True),
        ({"phones": "71123456789"}, 7, True),
        ({"phones": "phone"}, 7, True),
        ({"phones": "79123456789,123"}, 7, True),
        ({"mes": "я" * 20_000}, 3, True),
    ],
)
def test_it_refuses_what_the_gateway_refuses(smsc_double, changes, code, tells_id):
    answer = ask(smsc_double, **changes).json()
    assert answer["error_code"] == code
    assert ("id" in answer) == tells_id
    assert smsc_double.messages() == []


def test_the_same_request_within_a_minute_is_error_9_and_later_is_not(smsc_double):
    assert ask(smsc_double).json() == {"id": 7, "cnt": 1}
    assert ask(smsc_double).json()["error_code"] == 9
    assert "error" not in ask(smsc_double, mes="Код 654321").json()
    assert "error" not in ask(smsc_double, id="8").json()
    smsc_double.control("clock", forward=61)
    assert ask(smsc_double).json() == {"id": 7, "cnt": 1}


def test_without_a_charset_utf8_becomes_mojibake(smsc_double):
    ask(smsc_double, charset=None)
    assert smsc_double.messages()[0]["text"] == "Код 123456".encode().decode("cp1251", "replace")


def test_windows_1251_without_a_charset_is_read_rightly(smsc_double):
    fields = {**GIVEN, "charset": None}
    body = "&".join(
        f"{name}={''.join(f'%{byte:02X}' for byte in value.encode('cp1251'))}"
        for name, value in fields.items()
        if value
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    http.post(f"{smsc_double.url}/sys/send.php", content=body, headers=headers)
    assert smsc_double.messages()[0]["text"] == "Код 123456"


@pytest.mark.parametrize(("asked", "names"), [(None, {"id", "cnt"}), ("2", {"cost"}), ("3", {"cost", "balance"})])
def test_the_price_is_told_when_asked(smsc_double, asked, names):
    assert names <= set(ask(smsc_double, cost=asked).json())


def test_the_price_alone_sends_nothing(smsc_double):
    assert ask(smsc_double, cost="1").json() == {"cost": "3.5", "cnt": 1}
    assert smsc_double.messages() == []


def test_money_is_spent_by_parts(smsc_double):
    ask(smsc_double, mes="я" * 71)
    balance = ask(smsc_double, "/sys/balance.php").json()["balance"]
    assert balance == "993.00"


@pytest.mark.parametrize(("fmt", "text"), [("0", "OK - 1 SMS, ID - 7"), ("1", "7,1"), (None, "OK - 1 SMS, ID - 7")])
def test_other_formats(smsc_double, fmt, text):
    assert ask(smsc_double, fmt=fmt).text == text


@pytest.mark.parametrize(
    ("fmt", "changes", "text"),
    [
        ("0", {"psw": "x"}, "ERROR = 2 (authorise error)"),
        ("1", {"psw": "x"}, "0,-2"),
        ("0", {"phones": "1"}, "ERROR = 7 (invalid number), ID - 7"),
        ("1", {"phones": "1"}, "7,-7"),
    ],
)
def test_refusals_in_other_formats(smsc_double, fmt, changes, text):
    assert ask(smsc_double, fmt=fmt, **changes).text == text


def test_the_json_way_in(smsc_double):
    given = {**GIVEN, "mes": "Привет 😀"}
    answer = http.post(f"{smsc_double.url}/rest/send/", json=given).json()
    assert answer == {"id": 7, "cnt": 1}
    assert smsc_double.messages()[0]["text"] == "Привет 😀"


def test_the_json_way_in_refuses_nonsense(smsc_double):
    answer = http.post(f"{smsc_double.url}/rest/send/", content=b"[1").json()
    assert answer["error_code"] == 1


def test_a_login_in_the_address_works_and_is_noticed(smsc_double):
    http.get(f"{smsc_double.url}/sys/send.php", params=GIVEN)
    message = smsc_double.messages()[0]
    assert (message["method"], message["login_in_url"]) == ("GET", True)


@pytest.mark.parametrize("phone", ["+7 (912) 345-67-89", "89123456789", "9123456789", "79123456789"])
def test_numbers_are_read_in_any_writing(smsc_double, phone):
    ask(smsc_double, phones=phone)
    assert smsc_double.messages()[0]["phone"] == "+79123456789"


def status(double, **changes):
    return ask(double, "/sys/status.php", **{"phone": "79123456789", "phones": None, "mes": None, **changes})


def test_a_message_goes_from_sent_to_delivered(smsc_double):
    ask(smsc_double)
    assert status(smsc_double).json()["status"] == 0
    smsc_double.control("clock", forward=31)
    told = status(smsc_double).json()
    assert (told["status"], told["err"]) == (1, 0)
    assert set(told) == {"status", "last_date", "last_timestamp", "flag", "err"}


def test_a_message_nobody_sent_is_not_found(smsc_double):
    assert status(smsc_double).json()["status"] == -3


def test_of_two_messages_with_one_id_the_last_is_told(smsc_double):
    smsc_double.order("status:20")
    ask(smsc_double)
    ask(smsc_double, mes="Другой текст")
    smsc_double.control("clock", forward=31)
    assert status(smsc_double).json()["status"] == 1


def test_a_full_box_forgets_the_oldest_message():
    with running_smsc("--keep", "2") as double:
        for number, text in ((7, "один"), (7, "два"), (8, "три"), (9, "четыре")):
            ask(double, id=str(number), mes=text)
        assert [message["text"] for message in double.messages()] == ["четыре", "три"]
        found = [status(double, id=str(number)).json()["status"] for number in (7, 8, 9)]
        assert found[0] == -3 and -3 not in found[1:]


def test_several_statuses_come_as_a_list(smsc_double):
    ask(smsc_double)
    told = status(smsc_double, phone="79123456789,79123456789", id="7,8").json()
    assert [(item["id"], item["status"]) for item in told] == [("7", 0), ("8", -3)]


def test_a_status_is_told_five_times_a_minute(smsc_double):
    ask(smsc_double)
    answers = [status(smsc_double).json() for _ in range(6)]
    assert [answer.get("error_code") for answer in answers] == [None] * 5 + [9]


def test_registered_names_can_be_asked_for(smsc_double):
    assert ask(smsc_double, "/sys/senders.php").json() == [{"sender": "DEMOCLINIC"}]


# The page ------------------------------------------------------------------------------------------------------


def test_the_page_shows_messages_newest_first_and_the_last_code_large(smsc_double):
    ask(smsc_double, mes="Код 111111 для входа", id="1")
    ask(smsc_double, mes="Запись 24.11 в 10:30", id="2", phones="79990000000")
    page = smsc_double.page().text
    assert page.index("Запись 24.11") < page.index("Код 111111")
    assert "<output>111111</output>" in page
    assert "+7 912 345-67-89" in page
    assert 'lang="ru"' in page


def test_the_page_in_english(smsc_double):
    page = smsc_double.page("/?lang=en").text
    assert "Sent SMS" in page
    assert "Nothing has been sent yet" in page
    assert 'lang="en"' in page


def test_a_text_stays_text(smsc_double):
    ask(smsc_double, mes='<script>alert(1)</script> "><img src=x> https://portal.test/m/a"b')
    page = smsc_double.page().text
    assert "<script" not in page
    assert "<img" not in page
    assert '<a href="https://portal.test/m/a" rel="noreferrer">' in page


def test_the_page_allows_no_script_and_refreshes_by_itself(smsc_double):
    answer = smsc_double.page()
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["refresh"] == "5"
    assert answer.headers["cache-control"] == "no-store"
    assert "refresh" not in smsc_double.page("/?still=1").headers
    assert smsc_double.page("/style.css").headers["content-type"].startswith("text/css")


def test_messages_to_one_number(smsc_double):
    ask(smsc_double, id="1")
    ask(smsc_double, id="2", phones="79990000000")
    for writing in ("+79990000000", "89990000000", "8 (999) 000-00-00"):
        assert [message["id"] for message in smsc_double.messages(phone=writing)] == [2]
    assert "912 345" not in smsc_double.page("/?phone=%2B79990000000").text


def test_messages_carry_the_code(smsc_double):
    for number, (text, code) in enumerate(
        [
            ("Код 1234 для входа", "1234"),
            ("Your code: 98765432.", "98765432"),
            ("Запись 24.11 в 10:30, ул. Ленина 5", ""),
            ("123456 никому не сообщайте", "123456"),
            ("Отмена: https://k.example/123456", ""),
        ],
        start=1,
    ):
        ask(smsc_double, mes=text, id=str(number))
        assert smsc_double.messages()[0]["code"] == code


@pytest.mark.parametrize("path", ["/", "/messages.json"])
@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test:80", ""])
def test_a_foreign_name_that_points_here_sees_nothing(smsc_double, path, host):
    ask(smsc_double)
    answer = smsc_double.page(path, Host=host)
    assert answer.status_code == 421
    assert "123456" not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_form_of_another_site_cannot_give_orders(smsc_double, kind):
    answer = http.post(f"{smsc_double.url}/control/", content='{"mode": "drop"}', headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert "error" not in ask(smsc_double).json()


@pytest.mark.parametrize(
    ("what", "order"),
    [
        ("", {}),
        ("", {"mode": "explode"}),
        ("", {"mode": "drop", "times": 0}),
        ("", {"mode": "drop", "on": "moon"}),
        ("", {"mode": "error:x"}),
        ("", {"mode": ["drop"]}),
        ("clock", {"forward": "x"}),
        ("balance", {"balance": "much"}),
        ("moon", {}),
    ],
)
def test_an_order_it_does_not_know_is_refused(smsc_double, what, order):
    answer = http.post(f"{smsc_double.url}/control/{what}", json=order)
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/etc/passwd", "/sys/delete.php", "/_server.py"])
def test_anything_else_is_not_found(smsc_double, path):
    assert smsc_double.page(path).status_code == 404


# The process ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_leaves_at_once_even_while_it_keeps_somebody_waiting(number):
    with running_smsc() as double:
        double.order("timeout")
        with socket.create_connection(double.address) as waiting:
            waiting.sendall(b"POST /sys/send.php HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            started = time.monotonic()
            double.process.send_signal(number)
            assert double.process.wait(10) == 0
        assert time.monotonic() - started < 2


def test_it_opens_a_port_of_its_own_and_says_where():
    process = subprocess.Popen(
        [sys.executable, "-m", "doubles.smsc", "--port", "0"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stderr.readline()
        assert line.startswith("smsc double: http://127.0.0.1:")
        assert http.get(line.split()[-1]).status_code == 200
    finally:
        process.terminate()
        process.communicate()


def run(*options: str, pass_fds=()) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "doubles.smsc", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        pass_fds=pass_fds,
        check=False,
    )


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("--port", str(port))
    assert result.returncode == 1
    assert result.stderr.splitlines() == [f"Cannot listen on 127.0.0.1:{port}: Address already in use."]


def test_a_socket_that_others_can_reach_is_refused():
    with socket.create_server(("0.0.0.0", 0)) as wide:
        result = run("--fd", str(wide.fileno()), pass_fds=[wide.fileno()])
    assert result.returncode == 1
    assert "this machine only" in result.stderr


def test_doubles_import_nothing_of_the_portal_and_the_portal_nothing_of_them():
    def imported(folder: str) -> set[str]:
        names = set()
        for path in (ROOT / folder).rglob("*.py"):
            if "tests" in path.relative_to(ROOT / folder).parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module.partition(".")[0])
        return names

    assert "portal" not in imported("doubles")
    assert "doubles" not in imported("portal")


def test_doubles_write_no_file():
    for path in (ROOT / "doubles").rglob("*.py"):
        calls = {node.func.attr for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8")))
                 if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}  # fmt: skip
        assert not calls & {"write_text", "write_bytes", "open", "mkdir", "touch"}, path
