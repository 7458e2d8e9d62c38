from collections.abc import Iterator

import pytest

from tests.contracts.processes import (
    Double,
    running,
    running_exolve,
    running_fhir,
    running_imap,
    running_smsc,
    running_smsru,
    running_smtp,
)


@pytest.fixture(scope="module")
def smsc_process() -> Iterator[Double]:
    with running_smsc("--deliver-after=30") as double:
        yield double


@pytest.fixture
def smsc_double(smsc_process: Double) -> Double:
    """The SMS gateway's double, with nothing remembered."""
    smsc_process.control("reset")
    smsc_process.control("balance", balance="1000")
    return smsc_process


@pytest.fixture(scope="module")
def smsru_process() -> Iterator[Double]:
    with running_smsru("--deliver-after=30") as double:
        yield double


@pytest.fixture
def smsru_double(smsru_process: Double) -> Double:
    """The double of SMS.ru, with nothing remembered."""
    smsru_process.control("reset")
    smsru_process.control("balance", balance="1000")
    return smsru_process


@pytest.fixture(scope="module")
def exolve_process() -> Iterator[Double]:
    with running_exolve("--deliver-after=30") as double:
        yield double


@pytest.fixture
def exolve_double(exolve_process: Double) -> Double:
    """The double of MTS Exolve, with nothing remembered."""
    exolve_process.control("reset")
    exolve_process.control("balance", balance="1000")
    return exolve_process


@pytest.fixture(scope="module")
def smtp_process() -> Iterator[Double]:
    with running_smtp() as double:
        yield double


@pytest.fixture
def smtp_double(smtp_process: Double) -> Double:
    """The mail server's double, with nothing remembered."""
    smtp_process.control("reset")
    return smtp_process


@pytest.fixture(scope="module")
def imap_process() -> Iterator[Double]:
    with running_imap("--login=clinic box", '--password=p"a\\ss word') as double:
        yield double


@pytest.fixture
def imap_double(imap_process: Double) -> Double:
    """The mailbox's double, with no mail in it."""
    imap_process.control("reset")
    return imap_process


@pytest.fixture(scope="module")
def push_process() -> Iterator[Double]:
    with running("doubles.push", sockets=("--fd",)) as double:
        yield double


@pytest.fixture
def push_double(push_process: Double) -> Double:
    """The push service's double, with nothing remembered."""
    push_process.control("reset")
    return push_process


@pytest.fixture(scope="module")
def max_process() -> Iterator[Double]:
    with running("doubles.max", sockets=("--fd",)) as double:
        yield double


@pytest.fixture
def max_double(max_process: Double) -> Double:
    """The messenger's double, with nothing remembered and one open dialog, 182182182."""
    max_process.control("reset")
    max_process.control("hook", url="")
    max_process.control("press", chat_id=182182182)
    return max_process


@pytest.fixture(scope="session")  # a clinic takes a second to open
def fhir_process() -> Iterator[Double]:
    with running_fhir("--operations") as double:
        yield double


@pytest.fixture
def fhir_double(fhir_process: Double) -> Double:
    """The clinic's MIS, as on its first day."""
    fhir_process.control("reset")
    return fhir_process
