"""Who may sign in to the demo. These accounts exist only with the demo seed; `portal check --deploy` fails while one does."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from portal.kernel.actor import Role

PASSWORD = "seven quiet rivers"
PATIENTS = [
    ("Белова", "Анна", "Игоревна", "1961-03-12", "female", "+79990000001", "anna@example.ru"),
    ("Нечаев", "Борис", "Павлович", "1985-07-02", "male", "+79990000002", "boris@example.ru"),
]
CHILD = ("Белова", "Мила", "Андреевна", "2019-05-20", "female")


@dataclass(frozen=True)
class DemoStaff:
    """`doctor` is (specialty slug, number) of the practitioner this account belongs to."""

    email: str
    name: str
    role: Role
    department: str = ""
    doctor: str = ""

    @property
    def secret(self) -> str:
        """A TOTP secret one can type: the e-mail's name repeated, in base32."""
        return base64.b32encode((self.email.split("@")[0] * 20)[:20].encode()).decode()


STAFF = [
    DemoStaff("vera@bereg.example", "Вера Соколова", Role.DOCTOR, "therapist", "vera-sokolova"),
    DemoStaff("gleb@bereg.example", "Глеб Орлов", Role.DOCTOR, "therapist", "gleb-orlov"),
    DemoStaff("dina@bereg.example", "Дина Юсупова", Role.DOCTOR, "endocrinologist", "dina-yusupova"),
    DemoStaff("rita@bereg.example", "Рита Котова", Role.REGISTRAR),
    DemoStaff("oleg@bereg.example", "Олег Лапин", Role.PRIVACY_OFFICER),
    DemoStaff("alla@bereg.example", "Алла Зимина", Role.CLINIC_ADMIN),
]


def code_now(staff: DemoStaff) -> str:
    """The six digits an authenticator app would show at this moment."""
    return str(format_hotp_value(hotp_value(staff.secret, int(time.time()) // 30)))


def lines() -> list[str]:
    """For `portal up`: who to sign in as, in plain words."""
    anna, boris = PATIENTS
    rows = [
        f"Patient {anna[1]} {anna[0]} (has a daughter, Mila): phone {anna[5]} or e-mail {anna[6]}; the code comes to the message pages below",
        f"Patient {boris[1]} {boris[0]}: phone {boris[5]} or e-mail {boris[6]}",
        "A new patient: any other Russian mobile number or e-mail",
        f"Staff at /staff/, password «{PASSWORD}», second factor: `portal staff code <e-mail>` prints the current six digits",
    ]
    return rows + [f"  {person.role.value}: {person.email}" for person in STAFF]
