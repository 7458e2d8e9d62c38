"""Numbers that the state gives a person: SNILS and the number of the OMS policy. Read tolerantly, kept as digits."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.kernel import crypto

NOT_SNILS = _("A SNILS has 11 digits, for example 112-233-445 95.")
WRONG_SNILS = _("The last two digits do not fit the others. Compare the number with the document.")
NOT_POLICY = _("A policy number has 16 digits.")
WRONG_POLICY = _("The last digit does not fit the others. Compare the number with the policy.")
FIRST_CHECKED = 1_001_998  # SNILS up to 001-001-998 have no check number


def parse_snils(text: str) -> str:
    """Eleven digits, the last two of which check the others; `ValidationError` in plain words otherwise."""
    digits = _digits(text, 11, str(NOT_SNILS))
    number, check = digits[:9], int(digits[9:])
    if int(number) > FIRST_CHECKED and check != snils_check(number):
        raise ValidationError(WRONG_SNILS)
    return digits


def parse_policy(text: str) -> str:
    """Sixteen digits, the last of which checks the others; `ValidationError` in plain words otherwise."""
    digits = _digits(text, 16, str(NOT_POLICY))
    if int(digits[15]) != policy_check(digits[:15]):
        raise ValidationError(WRONG_POLICY)
    return digits


def snils_check(number: str) -> int:
    """Digits weighed from 9 down to 1, modulo 101, where a hundred counts as nothing."""
    total = sum(int(digit) * weight for digit, weight in zip(number, range(9, 0, -1), strict=True))
    return total % 101 % 100


def policy_check(number: str) -> int:
    """Modulo 10 as HL7 names it (check digit scheme M10): the same as Luhn's rule for bank cards.

    Every other digit from the right counts twice, as its sum of digits.
    """
    total = sum(sum(divmod(int(digit) * (2 - n % 2), 10)) for n, digit in enumerate(reversed(number)))
    return -total % 10


def snils_words(digits: str) -> str:
    """112-233-445 95."""
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:9]} {digits[9:]}"


def policy_words(digits: str) -> str:
    """In fours, as it stands on the policy."""
    return " ".join(digits[n : n + 4] for n in range(0, len(digits), 4))


def number_digest(system: str, digits: str) -> bytes:
    return crypto.blind_index(system, digits)


def _digits(text: str, length: int, problem: str) -> str:
    """Spaces and dashes of every kind are no part of a number; anything else is no number."""
    digits = re.sub(r"[\s.\-\u2010-\u2015\u2212]", "", text)
    if not re.fullmatch(rf"[0-9]{{{length}}}", digits) or not digits.strip("0"):
        raise ValidationError(problem)
    return digits
