"""Parsing at the edge: people's own words about themselves."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portal.people.contacts import Address, parse_address
from portal.people.models.patients import PatientIdentifier, Sex
from portal.people.numbers import parse_policy, parse_snils
from portal.people.services.register import PersonData

NAME = re.compile(r"[^\W\d_]([^\W\d_]|[ '’.-])*")
EARLIEST = date(1900, 1, 1)


class AddressField(forms.CharField):
    """A phone or an e-mail → `Address`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def clean(self, value: Any) -> Address:
        return parse_address(super().clean(value))


class NameField(forms.CharField):
    """Letters of any alphabet, hyphen, apostrophe, space. `ё` stays `ё`, however the keyboard composes it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=100, **kwargs)

    def clean(self, value: Any) -> str:
        text = " ".join(unicodedata.normalize("NFC", super().clean(value)).split())
        if text and not NAME.fullmatch(text):
            raise ValidationError(_("Letters, a hyphen, an apostrophe and spaces only, as in your passport."))
        return text


class ContactForm(forms.Form):
    """The first page of signing in."""

    contact = AddressField(
        label=_("Phone or e-mail"),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, "inputmode": "email"}),
        error_messages={"required": _("Enter a phone or an e-mail, a code will come there.")},
    )


class CodeForm(forms.Form):
    """Six digits; spaces between them are fine."""

    code = forms.CharField(
        label=_("The code"),
        help_text=_("Tell the code to nobody, not even to the clinic's staff."),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}),
        error_messages={"required": _("Enter the six digits from the message.")},
    )

    def clean_code(self) -> str:
        digits = re.sub(r"[\s-]", "", self.cleaned_data["code"])
        if not re.fullmatch(r"[0-9]{6}", digits):
            raise ValidationError(_("The code has six digits."))
        return digits


class PersonForm(forms.Form):
    """Names, birth date, sex. The birth date is three small fields nobody needs a calendar for."""

    family_name = NameField(
        label=_("Family name"),
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
        error_messages={"required": _("Enter the family name.")},
    )
    given_name = NameField(
        label=_("Given name"),
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
        error_messages={"required": _("Enter the given name.")},
    )
    middle_name = NameField(
        label=_("Patronymic"),
        help_text=_("if there is one"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "additional-name"}),
    )
    birth_date = forms.DateField(
        label=_("Date of birth"),
        help_text=_("day, month, year: 12.03.1961"),
        input_formats=["%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%d-%m-%Y", "%d %m %Y", "%Y-%m-%d"],
        widget=forms.DateInput(format="%d.%m.%Y", attrs={"autocomplete": "bday", "inputmode": "numeric"}),
        error_messages={
            "required": _("Enter the date of birth."),
            "invalid": _("There is no such date. Check the day and the month: 12.03.1961."),
        },
    )
    sex = forms.ChoiceField(
        label=_("Sex"),
        choices=Sex.choices,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose one: norms of tests depend on it."),
            "invalid_choice": _("Choose one of the two."),
        },
    )

    def clean_birth_date(self) -> date:
        born: date = self.cleaned_data["birth_date"]
        if born > date.today():
            raise ValidationError(_("This date has not come yet. Check the year."))
        if born < EARLIEST:
            raise ValidationError(_("The year is before 1900. Check the year."))
        return born

    @property
    def person(self) -> PersonData:
        values = {
            name: self.cleaned_data[name] for name in ("family_name", "given_name", "middle_name", "birth_date", "sex")
        }
        return PersonData(**values, language=get_language() or "ru")


class OwnDataForm(PersonForm):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)


class NumbersForm(forms.Form):
    """SNILS and policy number, either or both. Spaces and dashes are fine."""

    snils = forms.CharField(
        label=_("SNILS"),
        help_text=_("11 digits"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    policy = forms.CharField(
        label=_("OMS policy"),
        help_text=_("16 digits"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def clean_snils(self) -> str:
        return parse_snils(text) if (text := self.cleaned_data["snils"]) else ""

    def clean_policy(self) -> str:
        return parse_policy(text) if (text := self.cleaned_data["policy"]) else ""

    def clean(self) -> None:
        if not self.errors and not any(self.cleaned_data.values()):
            raise ValidationError(_("Enter at least one of the numbers."))

    @property
    def numbers(self) -> dict[str, str]:
        """Digits by system, of those that were filled in."""
        system = PatientIdentifier.System
        told = {system.SNILS: self.cleaned_data["snils"], system.POLICY: self.cleaned_data["policy"]}
        return {str(key): digits for key, digits in told.items() if digits}


class ConsentForm(forms.Form):
    """One consent, one action, nothing pre-ticked (152-FZ art. 9 part 1)."""

    document = forms.UUIDField(widget=forms.HiddenInput)
    agree = forms.BooleanField(
        label=_("I agree to the processing of my personal data"),
        error_messages={
            "required": _("Without this consent we may not keep your data, so the account cannot be made.")
        },
    )


class StaffSignInForm(forms.Form):
    email = AddressField(
        label=_("Work e-mail"),
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
        error_messages={"required": _("Enter your work e-mail.")},
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Enter the password.")},
    )


class InviteForm(forms.Form):
    password = forms.CharField(
        label=_("Think of a password"),
        help_text=_("12 characters or more; a phrase is easier to remember"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": _("Think of a password.")},
    )
    code = forms.CharField(
        label=_("Six digits from the authenticator app"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
        error_messages={"required": _("Enter the six digits that the app shows.")},
    )
    clean_code = CodeForm.clean_code

    def clean_password(self) -> str:
        from django.contrib.auth.password_validation import validate_password

        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password
