"""Signing, read back by a verifier written here from RFC 6376; and one that three other programs have read."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from portal.adapters.email import dkim
from portal.adapters.email.dkim import Signer
from portal.adapters.email.smtp import SmtpSender
from portal.kernel.ports import PortFailure
from tests.contracts.test_smtp_adapter import CALENDAR, HTML, KEY, TEXT, TO

DOMAIN = "portal.test"
HERE = Path(__file__).parent
MAIL = (
    b"From: clinic@portal.test\r\nSubject:  a  \t b\r\n\tc\r\nTo: x@y.z\r\n\r\nHello \t world  \r\n\r\nlast\r\n\r\n\r\n"
)


def pem(key) -> str:
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def dns(key):
    """A name service that knows one name."""
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    record = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    return lambda name: {"s1._domainkey.portal.test": record}[name]


def is_good(raw: bytes, ask) -> bool:
    """RFC 6376, 6.1, for relaxed/relaxed and rsa-sha256."""
    head, body = raw.split(b"\r\n\r\n", 1)
    headers = re.split(rb"\r\n(?![ \t])", head)
    signature = headers.pop(0)
    tags = dict(re.findall(r"(?:^|;)\s*(\w+)\s*=\s*([^;]*)", signature.decode().split(":", 1)[1]))
    tags = {name: re.sub(r"\s", "", value) for name, value in tags.items()}
    assert (tags["v"], tags["a"], tags["c"]) == ("1", "rsa-sha256", "relaxed/relaxed")
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    if base64.b64encode(hashlib.sha256(b"".join(line + b"\r\n" for line in lines)).digest()).decode() != tags["bh"]:
        return False
    signed = b""
    for name in tags["h"].split(":"):
        for header in reversed(headers):
            if header.split(b":")[0].lower().strip() == name.encode():
                signed += relaxed(header) + b"\r\n"
                headers.remove(header)
                break
    signed += relaxed(signature[: signature.rindex(b"b=") + 2])
    record = dict(re.findall(r"(\w+)=([^;]*)", ask(f"{tags['s']}._domainkey.{tags['d']}")))
    public = serialization.load_der_public_key(base64.b64decode(record["p"]))
    try:
        public.verify(base64.b64decode(tags["b"]), signed, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def relaxed(header: bytes) -> bytes:
    name, value = header.split(b":", 1)
    return name.lower().strip() + b":" + re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")


def signed(key, mail: bytes = MAIL) -> bytes:
    return Signer(selector="s1", key=pem(key)).sign(mail, domain=DOMAIN) + mail


@pytest.mark.parametrize("mail", [MAIL, b"From: a@portal.test\r\n\r\n", b"From: a@portal.test\r\n\r\nno end of line"])
def test_what_is_signed_is_verified(key, dns, mail):
    assert is_good(signed(key, mail), dns)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Hello", b"Hallo"),
        (b"\r\nFrom: clinic@", b"\r\nFrom: other@"),
        (b"\r\nSubject: ", b"\r\nSubject: x "),
        (b"\r\nTo: x@y.z", b"\r\nTo: x@y.z\r\nTo: boris@example.org"),
        (b"\r\nTo: x@y.z", b"\r\nTo: x@y.z\r\nCc: boris@example.org"),
        (b"\r\nTo: x@y.z", b"\r\nTo: x@y.z\r\nReply-To: boris@example.org"),
        (b"\r\nTo: x@y.z", b"\r\nTo: x@y.z\r\nContent-Type: text/html"),
        (b"\r\nFrom: clinic@portal.test", b"\r\nFrom: evil@portal.test\r\nFrom: clinic@portal.test"),
    ],
)
def test_whatever_a_person_reads_is_covered_and_nothing_can_be_added(key, dns, before, after):
    raw = signed(key)
    assert before in raw
    assert not is_good(raw.replace(before, after, 1), dns)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Hello \t world  \r\n", b"Hello world\r\n"),
        (b"last\r\n\r\n\r\n", b"last\r\n"),
        (b"\r\nSubject:  a", b"\r\nsubject: a"),
        (b"\r\nFrom:", b"\r\nReceived: from relay\r\nFrom:"),
    ],
)
def test_what_relays_do_breaks_nothing(key, dns, before, after):
    raw = signed(key)
    assert before in raw
    assert is_good(raw.replace(before, after, 1), dns)


def test_the_signature_that_three_other_programs_have_read_is_still_ours(monkeypatch):
    """`dkim_signed.eml`, by the key beside it: dkimpy 1.1.8, OpenDKIM 2.11 and Mail::DKIM 1.20230212 call it good."""
    monkeypatch.setattr(dkim.time, "time", lambda: 1795411252)
    whole = (HERE / "dkim_signed.eml").read_bytes().replace(b"\n", b"\r\n")
    mail = whole[whole.index(b"From: ") :]
    given = Signer(selector="s1", key=(HERE / "dkim_key.pem").read_text())
    assert given.sign(mail, domain=DOMAIN) + mail == whole


def test_our_whole_mail_arrives_signed(key, dns, smtp_double):
    signer = Signer(selector="s1", key=pem(key))
    sender = SmtpSender(
        url=f"smtp://127.0.0.1:{smtp_double.port}", mail_from="Клиника <clinic@portal.test>", signer=signer
    )
    sender.send(TO, "Напоминание о записи", TEXT, HTML, key=KEY, calendar=CALENDAR, headers={"References": "<a@b.c>"})
    (mail,) = smtp_double.messages()
    assert is_good(mail["raw"].encode(), dns)
    assert mail["raw"].startswith("DKIM-Signature: ") and "d=portal.test;" in mail["raw"]
    assert max(map(len, mail["raw"].splitlines())) <= 78


def test_without_a_key_nothing_is_signed(smtp_double):
    SmtpSender(url=f"smtp://127.0.0.1:{smtp_double.port}", mail_from="clinic@portal.test").send(TO, "a", "b", key=KEY)
    assert "DKIM-Signature" not in smtp_double.messages()[0]["raw"]


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nonsense",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        lambda: pem(ec.generate_private_key(ec.SECP256R1())),
        lambda: pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - it is to be refused
    ],
    ids=["none", "words", "broken", "another kind", "too short"],
)
def test_a_key_that_is_none_is_told_and_nothing_goes_out_unsigned(smtp_double, wrong):
    signer = Signer(selector="s1", key=wrong() if callable(wrong) else wrong)
    sender = SmtpSender(url=f"smtp://127.0.0.1:{smtp_double.port}", mail_from="clinic@portal.test", signer=signer)
    with pytest.raises(PortFailure) as refused:
        sender.send(TO, "a", "b", key=KEY)
    assert (refused.value.code, refused.value.stops_provider, refused.value.permanent) == (
        "not-configured",
        True,
        False,
    )
    assert smtp_double.messages() == []
