"""Phones and e-mails: one way to read them, one way to write them down (E.164; lower-case address)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

from portal.kernel import crypto
from portal.people.models import Contact

CANNOT_TAKE_SMS = _("This is a landline. A code comes only to a mobile number.")
FOREIGN = _("We do not send codes to numbers of this country. You can use an e-mail instead.")
NOT_A_CONTACT = _("This is neither a phone nor an e-mail. For example: +7 912 345-67-89 or anna@example.ru.")
TAKES_SMS = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
_email = EmailValidator()


@dataclass(frozen=True)
class Address:
    """A normalised contact. `value` is personal data: it goes to encrypted fields and to ports, nowhere else."""

    kind: str
    value: str

    @property
    def digest(self) -> bytes:
        return crypto.blind_index(self.kind, self.value)


def parse_address(text: str) -> Address:
    """What a person typed → a phone or an e-mail; `ValidationError` in plain words otherwise."""
    text = text.strip()
    return _parse_email(text) if "@" in text else _parse_phone(text)


def _parse_email(text: str) -> Address:
    try:
        _email(text)
        text.encode("idna" if not text.isascii() else "ascii")
    except (ValidationError, UnicodeError):
        raise ValidationError(NOT_A_CONTACT) from None
    if len(text) > 254 or not text.isascii() or any(char in text for char in '"[]'):  # legal, yet nobody delivers there
        raise ValidationError(NOT_A_CONTACT)
    return Address(Contact.Kind.EMAIL, text.lower())


def _parse_phone(text: str) -> Address:
    if not re.fullmatch(r"[+\d\s()./-]{5,30}", text):
        raise ValidationError(NOT_A_CONTACT)
    digits = re.sub(r"\D", "", text)
    if len(digits) == 11 and digits[0] in "78":
        text = f"+7{digits[1:]}"
    elif len(digits) == 10 and not text.startswith("+"):
        text = f"+7{digits}"
    try:
        number = phonenumbers.parse(text, "RU")
    except phonenumbers.NumberParseException:
        raise ValidationError(NOT_A_CONTACT) from None
    if not phonenumbers.is_valid_number(number):
        raise ValidationError(NOT_A_CONTACT)
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    is_allowed = value.startswith(tuple(settings.PORTAL.sms_countries.split(",")))
    if not is_allowed and phonenumbers.region_code_for_number(number) != "RU":
        raise ValidationError(FOREIGN)
    if not is_allowed or phonenumbers.number_type(number) not in TAKES_SMS:
        raise ValidationError(CANNOT_TAKE_SMS)
    return Address(Contact.Kind.PHONE, value)
