"""The doubles as own processes, on sockets this process opened: no port is guessed and nothing is waited for."""

import contextlib
import datetime
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parents[2]
# One client for all: making one costs more than any request here. Nothing encrypted is asked for.
http = httpx.Client(verify=False, trust_env=False, timeout=30, limits=httpx.Limits(max_keepalive_connections=0))  # noqa: S501


@dataclass
class Double:
    """`url`: its pages and control; `address`: host and port of the protocol itself."""

    url: str
    address: tuple[str, int]
    process: subprocess.Popen[bytes]

    @property
    def port(self) -> int:
        return self.address[1]

    def order(self, mode: str, times: int = 1, **more: Any) -> None:
        self.control("", mode=mode, times=times, **more)

    def control(self, what: str, **data: Any) -> None:
        http.post(f"{self.url}/control/{what}", json=data).raise_for_status()

    def messages(self, **query: str) -> list[dict[str, Any]]:
        """What was taken, newest first."""
        answer = http.get(f"{self.url}/messages.json", params=query)
        return answer.raise_for_status().json()["messages"]

    def calls(self) -> list[dict[str, Any]]:
        """What an SMS gateway told the address set for it, and what was answered."""
        return http.get(f"{self.url}/messages.json").json()["calls"]

    def requests(self) -> int:
        """How many requests of the protocol came, taken or not."""
        return http.get(f"{self.url}/messages.json").json()["requests"]

    def page(self, path: str = "/", **headers: str) -> httpx.Response:
        return http.get(f"{self.url}{path}", headers=headers)


@contextlib.contextmanager
def running(module: str, *options: str, sockets: tuple[str, ...]) -> Iterator[Double]:
    """`python -m module` with one inherited socket per option in `sockets`; the last one is the pages'."""
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in sockets]
    places = [word for name, sock in zip(sockets, opened, strict=True) for word in (name, str(sock.fileno()))]
    process = subprocess.Popen(
        [sys.executable, "-m", module, *places, *options],
        pass_fds=[sock.fileno() for sock in opened],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        stderr=subprocess.DEVNULL,
    )
    addresses = [sock.getsockname() for sock in opened]
    for sock in opened:
        sock.close()  # if the double dies, connections are refused instead of waiting for it
    try:
        double = Double(f"http://127.0.0.1:{addresses[-1][1]}", addresses[0], process)
        http.get(f"{double.url}/messages.json")  # the backlog keeps it until it is up
        yield double
    finally:
        process.terminate()
        process.wait(5)


def running_smsc(*options: str) -> contextlib.AbstractContextManager[Double]:
    return running("doubles.smsc", *options, sockets=("--fd",))


def running_smsru(*options: str) -> contextlib.AbstractContextManager[Double]:
    return running("doubles.smsru", *options, sockets=("--fd",))


def running_exolve(*options: str) -> contextlib.AbstractContextManager[Double]:
    return running("doubles.exolve", *options, sockets=("--fd",))


def running_smtp(*options: str) -> contextlib.AbstractContextManager[Double]:
    return running("doubles.smtp", *options, sockets=("--smtp-fd", "--http-fd"))


def running_imap(*options: str) -> contextlib.AbstractContextManager[Double]:
    return running("doubles.imap", *options, sockets=("--imap-fd", "--http-fd"))


def running_fhir(*options: str) -> contextlib.AbstractContextManager[Double]:
    return running("doubles.fhir", *options, sockets=("--fd",))


def running_faults(target: str, *options: str) -> contextlib.AbstractContextManager[Double]:
    return running("doubles.faults", "--target", target, *options, sockets=("--fd",))


def closed_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def certificate(folder: Path) -> tuple[Path, Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1, its key, and a client's context that trusts it."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail double")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file, ssl.create_default_context(cafile=str(cert_file))
