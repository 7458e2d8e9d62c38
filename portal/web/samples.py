"""What the design page shows: every part in every state, with people who do not exist."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

KAZAN = ZoneInfo("Europe/Moscow")
COLOURS = (
    ("paper", "surface", "sunken", "deep"),
    ("ink", "ink-2", "ink-3", "line", "edge"),
    ("brand", "brand-2", "brand-soft", "brand-ink"),
    ("now", "now-soft", "now-ink"),
    ("bad", "bad-soft", "bad-ink"),
    ("info", "info-soft", "info-ink"),
)
ICONS = (
    "search cal clock pin video chat phone mail user users id file down check ok alert info x right left chev plus minus "
    "edit out device mic micoff end send clip card home flask look bell repeat steth print wallet drop lock"
).split()


class SampleForm(forms.Form):
    """A form that came back: one field is wrong, what was typed is kept."""

    family_name = forms.CharField(label=gettext_lazy("Family name"))
    phone = forms.CharField(label=gettext_lazy("Phone"), help_text=gettext_lazy("We will send a code."))
    birth_date = forms.CharField(label=gettext_lazy("Birth date"))
    middle_name = forms.CharField(label=gettext_lazy("Middle name"), required=False)
    branch = forms.ChoiceField(label=gettext_lazy("Branch"), choices=[("1", gettext_lazy("Rechnaya, 12"))])
    code = forms.CharField(label=gettext_lazy("Code from the message"), required=False)
    complaint = forms.CharField(
        label=gettext_lazy("What troubles you"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Only the doctor will see this."),
    )
    sex = forms.ChoiceField(
        label=gettext_lazy("Sex"),
        choices=[("female", gettext_lazy("Female")), ("male", gettext_lazy("Male"))],
        widget=forms.RadioSelect,
    )
    is_agreed = forms.BooleanField(label=gettext_lazy("I have read the document and agree."))

    def clean_birth_date(self) -> str:
        raise forms.ValidationError(_("February has no 31st. Check the day."))


def sample_form() -> SampleForm:
    typed = {
        "family_name": _("Belova"),
        "phone": "",
        "birth_date": "31.02.1961",
        "branch": "1",
        "code": "482913",
        "sex": "female",
        "is_agreed": "on",
    }
    return SampleForm(typed)


def at(days: int, hour: int, minute: int = 0) -> datetime:
    day = timezone.now().astimezone(KAZAN).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=KAZAN)


def chip(moment: datetime, mode: str = "in-person", *, is_taken: bool = False) -> dict[str, Any]:
    return {"start": moment, "mode": mode, "value": moment.isoformat(), "is_taken": is_taken}


def doctor(number: int, first: str, middle: str, last: str, **more: Any) -> SimpleNamespace:
    return SimpleNamespace(
        id=number,
        slug="sokolova-vera",
        first=first,
        last=last,
        full_name=f"{first} {middle} {last}",
        short_name=f"{first} {last}",
        **more,
    )


def vera() -> SimpleNamespace:
    return doctor(
        7,
        _("Vera"),
        _("Andreevna"),
        _("Sokolova"),
        title=_("Therapist, candidate of medical sciences"),
        experience_years=18,
        languages_note=_("Speaks Tatar"),
    )


def place() -> SimpleNamespace:
    return SimpleNamespace(name=_("Rechnaya, 12"), metro=_("Sukonnaya Sloboda metro"), room="214", zone="Europe/Moscow")


def visit(start: datetime, **more: Any) -> SimpleNamespace:
    values = {
        "start": start,
        "end": start + timedelta(minutes=40),
        "zone": "Europe/Moscow",
        "practitioner": vera(),
        "specialty_name": _("Therapist"),
        "service_name": _("first visit"),
        "duration_minutes": 40,
        "location": place(),
        "mode": "in-person",
        "status": "booked",
    }
    return SimpleNamespace(**{**values, **more})


def hold(seconds: int, **more: Any) -> dict[str, Any]:
    now = timezone.now()
    return {"now": now, "deadline": now + timedelta(seconds=seconds), "seconds_total": 600, **more}


def days() -> list[dict[str, Any]]:
    first = at(0, 9).date()
    levels = ("few", "many", "some", "some", "few", "none", "none")
    return [
        {
            "date": first + timedelta(days=i),
            "count": 0 if level == "none" else 4,
            "level": level,
            "url": "#days",
            "is_current": i == 1,
        }
        for i, level in enumerate(levels)
    ]


def times() -> list[dict[str, Any]]:
    return [
        chip(at(1, 9)),
        chip(at(1, 9, 20)),
        chip(at(1, 10), is_taken=True),
        chip(at(1, 11, 40)),
        chip(at(1, 15), "video"),
    ]


def card(**more: Any) -> dict[str, Any]:
    near: list[dict[str, Any]] = [
        {"date": at(0, 9).date(), "times": [chip(at(0, 17)), chip(at(0, 18, 40))]},
        {"date": at(1, 9).date(), "times": [time for time in times() if not time["is_taken"]]},
    ]
    values = {
        "practitioner": vera(),
        "role_id": "sample",
        "location": place(),
        "price": 2400,
        "service": {"id": "sample", "name": _("first visit")},
        "days": near,
        "why_empty": "",
    }
    return {**values, **more}


def busy_card() -> dict[str, Any]:
    why = _("Dina Yusupova sees nobody until 14 December. Booking opens on 30 November at 8:00.")
    dina = doctor(3, _("Dina"), _("Maratovna"), _("Yusupova"), title=_("Endocrinologist"), experience_years=1)
    return card(practitioner=dina, role_id="sample-2", days=[], why_empty=why, price=2100)


def long_ago() -> date:
    return date(1961, 3, 12)


def everything() -> dict[str, Any]:
    return {
        "colours": COLOURS,
        "icons": ICONS,
        "form": sample_form(),
        "visit": visit(at(1, 14, 20)),
        "visit_video": visit(at(12, 18), mode="video", status="pending", duration_minutes=20, end=None),
        "visit_cancelled": visit(at(3, 9, 40), status="cancelled"),
        "hold_running": hold(515),
        "hold_soon": hold(80),
        "hold_over": hold(0, is_over=True, alternatives=[chip(at(1, 14, 40)), chip(at(1, 15))]),
        "hold_start": at(1, 14, 20),
        "days": days(),
        "times": times(),
        "card": card(),
        "busy_card": busy_card(),
        "zone": "Europe/Moscow",
        "birth_date": long_ago(),
        "moments": [at(0, 17), at(1, 9), at(3, 12, 20), at(40, 8)],
        "ava_ids": range(1, 9),
    }
