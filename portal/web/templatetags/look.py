"""The look in templates: icons, avatars, days and hours in words, money, fields, tickets. Loaded everywhere.

Words about time come from `portal.web.dates`; markup lives in `templates/look/`.
"""

from __future__ import annotations

import json
import zlib
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField
from django.template.context import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from portal.web import dates, words
from portal.web.language import in_language

register = template.Library()

NBSP = "\u00a0"
ESCAPED: dict[str, str | int | None] = {"<": "\\u003C", ">": "\\u003E", "&": "\\u0026"}
HIDDEN = SafeString('aria-hidden="true"')

for tag in (
    dates.hour,
    dates.short_day,
    dates.near_day,
    dates.part_day,
    dates.ticket_day,
    dates.visit_day,
    dates.on_day,
    dates.for_day,
    dates.until,
    dates.left,
    dates.weekday,
    dates.weekday_short,
    dates.short_date,
    dates.full_date,
    dates.zone_note,
    dates.zone_short,
):
    register.simple_tag(tag)
register.simple_tag(dates.weekday_name)
register.simple_tag(dates.day_words, name="day")
register.simple_tag(dates.date_words, name="date")
register.filter("minutes", dates.minutes)
register.filter("years", dates.years)
register.filter("capital", dates.capital)
register.filter("full_date", dates.full_date)
register.filter("years_since", words.years_since)
register.filter("speaks", words.speaks)


@register.filter
def iso(moment: datetime | date) -> str:
    """For `<time datetime>` and `data-` attributes."""
    return moment.isoformat()


@register.simple_tag
def icon(name: str, size: str = "", label: str = "") -> SafeString:
    """A drawn sign. `size="l"` is larger; with `label` it has a name of its own, else it is hidden from readers."""
    classes = f"i i--{size}" if size else "i"
    about = format_html('role="img" aria-label="{}"', label) if label else HIDDEN
    return format_html('<svg class="{}" {}><use href="{}#i-{}"/></svg>', classes, about, _sprite(), name)


def _sprite() -> str:
    return static("look/icons.svg")


@register.simple_tag
def avatar(obj_id: Any, name: str = "", size: str = "") -> SafeString:
    """Initials over a shore line; tone, height and swell of the water follow from the id. `size`: s, l."""
    seed = zlib.crc32(str(obj_id).encode())
    tone, height, swell = seed % 6 + 1, 34 + seed // 6 % 14, 2 + seed // 84 % 9
    classes = f"ava t{tone}" + (f" ava--{size}" if size else "")
    return format_html(
        '<svg class="{}" viewBox="0 0 64 64" aria-hidden="true"><rect width="64" height="64"/>'
        '<path d="M0 {}c14-{} 18-{} 32 0s18 {} 32 0V64H0Z"/><text x="32" y="40.5">{}</text></svg>',
        classes,
        height,
        swell,
        swell,
        swell,
        words.initials(str(name)),
    )


@register.simple_tag
def audience(doctor: Any) -> str:
    return words.audience(doctor.min_age, doctor.max_age)


@register.filter
def local(thing: Any, field_name: str) -> str:
    """`{{ doctor|local:"title" }}`: the field in the language of the page."""
    return str(thing.local(field_name) or "")


@register.filter
def same(one: Any, other: Any) -> bool:
    return str(one) == str(other)


@register.filter
def seconds(minutes: int) -> int:
    return int(minutes) * 60


@register.filter
def map_link(place: Any) -> str:
    """The branch on a map; nothing of the patient goes along."""
    return f"https://yandex.ru/maps/?pt={place.longitude},{place.latitude}&z=17&l=map"


@register.simple_tag
def data_block(value: Any) -> SafeString:
    """A JSON-LD block. Data, not a script: browsers do not run it, the policy does not ask about it."""
    text = json.dumps(value, ensure_ascii=False).translate(str.maketrans(ESCAPED))
    return format_html('<script type="application/ld+json">{}</script>', SafeString(text))


@register.simple_tag
def why(reason: Any, choice: Any) -> str:
    """Why this doctor has no free time, and when to come back."""
    return words.why_nothing(reason, choice.zone) if reason else ""


@register.filter
def is_moscow(zone: str) -> bool:
    return dates.zone_note(zone) == dates.zone_note(dates.MOSCOW)


@register.simple_tag(takes_context=True)
def here_with(context: Context, **changes: Any) -> str:
    """This page's address with some of its parameters changed; an empty value takes one away."""
    request = context["request"]
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value:
            query[name] = str(value)
    return f"{request.path}?{query.urlencode()}" if query else str(request.path)


@register.simple_tag
def seconds_left(deadline: datetime, now: datetime) -> int:
    return max(0, round((deadline - now).total_seconds()))


@register.simple_tag
def money(amount: Decimal | int | str | None) -> str:
    """2 400 ₽; kopecks only when there are any. Nothing is given away: a zero is a price that nobody has told us."""
    if amount is None or amount == "":
        return ""
    if not Decimal(amount):
        return _("price at the clinic")
    whole, _point, kopecks = f"{Decimal(amount):.2f}".partition(".")
    roubles = f"{int(whole):,}".replace(",", NBSP)
    comma = "," if (get_language() or "ru") == "ru" else "."
    return f"{roubles}{NBSP}₽" if kopecks == "00" else f"{roubles}{comma}{kopecks}{NBSP}₽"


@register.filter
def masked_phone(phone: str) -> str:
    """+7 900 •••-••-17."""
    digits = "".join(character for character in str(phone) if character.isdigit())
    if len(digits) < 11:
        return "•" * len(digits)
    return f"+{digits[:-10]}{NBSP}{digits[-10:-7]}{NBSP}•••-••-{digits[-2:]}"


@register.filter
def phone_words(phone: str) -> str:
    """+7 900 123-45-17; anything that is not a Russian number stays as it is."""
    digits = "".join(character for character in str(phone) if character.isdigit())
    if len(digits) != 11:
        return str(phone)
    country, area, rest = digits[0], digits[1:4], digits[4:]
    return f"+{country}{NBSP}{area}{NBSP}{rest[:3]}-{rest[3:5]}-{rest[5:]}"


@register.filter
def masked_email(email: str) -> str:
    """a•••@mail.ru."""
    name, _at, host = str(email).partition("@")
    return f"{name[:1]}•••@{host}" if host else "•••"


@register.simple_tag(takes_context=True)
def switch_lang_url(context: Context, language: str) -> str:
    """The address of this page in the other language."""
    request = context.get("request")
    return in_language(request.get_full_path() if request else "/", language)


@register.simple_tag
def pill(word: str, tone: str = "") -> SafeString:
    """A state in a word. `tone`: ok, now, bad, info or nothing."""
    return format_html('<span class="pill{}">{}</span>', f" pill--{tone}" if tone else "", word)


@register.simple_tag
def visit_pill(status: str, *, staff: bool = False) -> SafeString:
    """The FHIR status of an appointment as a patient reads it, or as the clinic does."""
    said = {
        "proposed": (_("being arranged"), ""),
        "pending": (_("being confirmed"), "now"),
        "waitlist": (_("in the queue"), "info"),
        "booked": (_("confirmed"), "ok"),
        "arrived": (_("you are here"), "now"),
        "checked-in": (_("you are here"), "now"),
        "fulfilled": (_("took place"), ""),
        "cancelled": (_("cancelled"), ""),
        "noshow": (_("did not take place"), ""),
        "entered-in-error": (_("entered by mistake"), ""),
    }
    if staff:
        said |= {
            "arrived": (_("in the clinic"), "now"),
            "checked-in": (_("in the clinic"), "now"),
            "noshow": (_("did not come"), "bad"),
        }
    word, tone = said.get(str(status), (str(status), ""))
    return pill(word, tone)


@register.simple_block_tag
def notice(content: str, tone: str = "", title: str = "", sign: str = "") -> str:
    """`{% notice "bad" title %}what to do next{% endnotice %}`. `tone`: ok, now, bad or nothing for info."""
    sign = sign or {"ok": "ok", "bad": "alert", "now": "clock"}.get(tone, "info")
    says = content if content.strip() else ""
    return render_to_string("look/notice.html", {"tone": tone, "title": title, "sign": sign, "content": says})


@register.simple_block_tag
def ticket(content: str, visit: Any, **options: Any) -> str:
    """`{% ticket visit deep=True over=_("Next visit") %}buttons{% endticket %}`.

    `visit` is an appointment or a hold: start, end, practitioner, role, service, mode, status or none. Options:
    `level` of its heading, `deep` (the nearest visit), `over` (words above the hour), `note` (under it), `take`.
    """
    place = getattr(visit, "location", None) or visit.role.location
    context = {"level": 2, **options, "visit": visit, "place": place, "zone": place.zone}
    context["status"] = getattr(visit, "status", "") or "booked"
    context["minutes"] = round((visit.end - visit.start).total_seconds() / 60)
    return render_to_string("look/ticket.html", {**context, "acts": content if content.strip() else ""})


@register.simple_tag
def trail(*steps: str) -> str:
    """`{% trail "Therapist" url "Vera Sokolova" url "Time" %}`: words and addresses in turn, the last has none."""
    pairs = [(steps[i], steps[i + 1]) for i in range(0, len(steps) - 1, 2)]
    return render_to_string("look/trail.html", {"steps": pairs, "current": steps[-1]})


@register.simple_tag
def errors(form: forms.BaseForm) -> str:
    """What is wrong with the whole form, and links to each field when more than one needs a look."""
    wrong = [field for field in form if field.errors and not field.is_hidden]
    whole = [*form.non_field_errors(), *(text for field in form.hidden_fields() for text in field.errors)]
    if not whole and len(wrong) < 2:
        return ""
    title = ngettext("Check %(n)s field", "Check %(n)s fields", len(wrong)) % {"n": len(wrong)}
    return render_to_string("look/errors.html", {"wrong": wrong, "whole": whole, "title": title})


@register.simple_tag
def field(bound: BoundField, **options: Any) -> str:
    """Label, hint, control, error, joined for a screen reader.

    Options: `hint`, `label`, `kind="code"` (a large one-time code), `optional` (words after the label), anything
    else becomes an attribute of the control (`autocomplete="tel"`, `data_x` as `data-x`).
    """
    own = {name: options.pop(name, "") for name in ("hint", "label", "kind", "optional")}
    hint = own["hint"] or bound.help_text
    marks = [f"{bound.auto_id}-hint"] * bool(hint) + [f"{bound.auto_id}-error"] * bool(bound.errors)
    attrs = {name.replace("_", "-"): value for name, value in options.items()}
    widget = bound.field.widget
    shape = _shape(widget)
    if shape == "input":
        attrs["class"] = "input input--code" if own["kind"] == "code" else "input"
    if marks:
        attrs["aria-describedby"] = " ".join(marks)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    rendered = "" if shape == "choices" else bound.as_widget(attrs=attrs)
    context = {
        "field": bound,
        "shape": shape,
        "control": rendered,
        "hint": hint,
        "label": own["label"] or bound.label,
        "optional": own["optional"] or ("" if bound.field.required or hint else _("optional")),
        "describedby": " ".join(marks),
    }
    return render_to_string("look/field.html", context)


def _shape(widget: forms.Widget) -> str:
    if isinstance(widget, forms.CheckboxInput):
        return "tick"
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "choices"
    return "input"
