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
ICONS = [
    "search",
    "cal",
    "clock",
    "pin",
    "video",
    "chat",
    "phone",
    "mail",
    "user",
    "users",
    "id",
    "file",
    "down",
    "check",
    "ok",
    "alert",
    "info",
    "x",
    "right",
    "left",
    "chev",
    "plus",
    "minus",
    "edit",
    "out",
    "device",
    "mic",
    "micoff",
    "end",
    "send",
    "clip",
    "card",
    "home",
    "flask",
    "look",
    "bell",
    "repeat",
    "steth",
    "print",
    "wallet",
    "drop",
    "lock",
]


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


class Sample(SimpleNamespace):
    """Stands in for a row: attributes, and `local` for what has two languages."""

    def local(self, field: str) -> str:
        return str(getattr(self, field, ""))


def chip(moment: datetime, mode: str = "in-person", *, is_taken: bool = False) -> Sample:
    return Sample(start=moment, mode=mode, value=moment.isoformat(), is_taken=is_taken)


def doctor(number: int, given: str, middle: str, family: str, **more: Any) -> Sample:
    values = {
        "pk": number,
        "slug": "sokolova-vera",
        "full_name": f"{given} {middle} {family}",
        "short_name": f"{given} {family}",
        "practising_since": timezone.now().year - 18,
        "languages": [],
        "min_age": 18,
        "max_age": 120,
    }
    return Sample(**{**values, **more})


def vera() -> Sample:
    return doctor(
        7, _("Vera"), _("Andreevna"), _("Sokolova"), title=_("candidate of medical sciences"), languages=["tt"]
    )


def dina() -> Sample:
    return doctor(3, _("Dina"), _("Maratovna"), _("Yusupova"), practising_since=timezone.now().year - 1, min_age=3)


def role(of: Sample, specialty: str) -> Sample:
    place = Sample(name=_("Rechnaya, 12"), metro=_("Sukonnaya Sloboda metro"), city=_("Kazan"), zone="Europe/Moscow")
    return Sample(pk=f"sample-{of.pk}", practitioner=of, specialty=Sample(name=specialty), location=place)


def visit(start: datetime, minutes: int = 40, mode: str = "in-person", status: str = "booked") -> Sample:
    return Sample(
        start=start,
        end=start + timedelta(minutes=minutes),
        practitioner=vera(),
        role=role(vera(), _("Therapist")),
        service=Sample(name=_("First visit")),
        room="214",
        mode=mode,
        status=status,
    )


def hold(seconds: int) -> dict[str, Any]:
    now = timezone.now()
    return {"now": now, "deadline": now + timedelta(seconds=seconds)}


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


def times() -> list[Sample]:
    return [
        chip(at(1, 9)),
        chip(at(1, 9, 20)),
        chip(at(1, 10), is_taken=True),
        chip(at(1, 11, 40)),
        chip(at(1, 15), "video"),
    ]


def choice() -> Sample:
    """A doctor with free times on two days."""
    near = [
        {"date": at(0, 9).date(), "times": [chip(at(0, 17)), chip(at(0, 18, 40))]},
        {"date": at(1, 9).date(), "times": [time for time in times() if not time.is_taken]},
    ]
    return Sample(
        role=role(vera(), _("Therapist")), offer=Sample(service=Sample(pk="1"), price=2400), days=near, zone=KAZAN
    )


def busy_choice() -> Sample:
    offer = Sample(service=Sample(pk="1"), price=2100)
    return Sample(role=role(dina(), _("Endocrinologist")), offer=offer, days=[], zone=KAZAN)


def long_ago() -> date:
    return date(1961, 3, 12)


def everything() -> dict[str, Any]:
    return {
        "colours": COLOURS,
        "icons": ICONS,
        "form": sample_form(),
        "visit": visit(at(1, 14, 20)),
        "visit_video": visit(at(12, 18), 20, "video", "pending"),
        "visit_cancelled": visit(at(3, 9, 40), status="cancelled"),
        "running": hold(515),
        "soon": hold(80),
        "instead": [{"date": at(1, 9).date(), "times": [chip(at(1, 14, 40)), chip(at(1, 15))]}],
        "days": days(),
        "times": times(),
        "choice": choice(),
        "busy_choice": busy_choice(),
        "why_busy": _("Dina Yusupova sees nobody until 14 December. Booking opens on 30 November at 8:00."),
        "zone": "Europe/Moscow",
        "birth_date": long_ago(),
        "moments": [at(0, 17), at(1, 9), at(3, 12, 20), at(40, 8)],
        "ava_ids": range(1, 9),
    }
