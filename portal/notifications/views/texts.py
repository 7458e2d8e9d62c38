"""The clinic's own hand on messages: when they go, and in which words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext, override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.kernel.actor import Actor, Role
from portal.kernel.errors import BadInput, NotFound
from portal.notifications import drafts, forbidden
from portal.notifications import selectors_texts as texts
from portal.notifications.drafts import LENGTHS
from portal.notifications.forbidden import Why
from portal.notifications.forms_texts import TextForm, TimingsForm
from portal.notifications.kinds import KINDS
from portal.notifications.labels import TITLES
from portal.notifications.models import MessagePolicy, MessageText
from portal.notifications.selectors import policy_of
from portal.notifications.services.texts import TextHasChanged, set_timings, write_text
from portal.notifications.texts import TEXTS, Text
from portal.people.models import Location
from portal.people.views.guards import posted, staff_page

LANGUAGES = dict(MessageText.Language.choices)
HISTORY = 50


@never_cache
@require_http_methods(["GET", "POST"])
@staff_page(Role.CLINIC_ADMIN)
def messages(request: HttpRequest, actor: Actor) -> HttpResponse:
    """When patients are reminded; each message with what is said now."""
    policy = policy_of(actor.clinic)
    form = TimingsForm(posted(request), initial=TimingsForm.initial_of(policy))
    if form.is_bound and form.is_valid():
        set_timings(actor=actor, **form.values)
        return redirect(f"{reverse('notifications:texts')}?saved=1")
    context = {
        "form": form,
        "is_saved": request.GET.get("saved") == "1",
        "rows": _rows(actor.clinic, policy),
        "telling": _telling_places(actor.clinic),
    }
    return render(request, "notifications/messages.html", context, status=422 if form.is_bound else 200)


def _rows(clinic: UUID, policy: MessagePolicy) -> list[dict[str, Any]]:
    own, whens = texts.texts_of(clinic), _whens(policy)
    return [
        {
            "title": TITLES[kind],
            "when": whens.get(kind, TITLES[kind].when),
            "texts": [
                {
                    "url": reverse("notifications:text", args=[kind, code]),
                    "language": name,
                    "own": own.get((kind, code)),
                }
                for code, name in LANGUAGES.items()
            ],
        }
        for kind, how in KINDS.items()
        if how.is_the_clinics
    ]


def _whens(policy: MessagePolicy) -> dict[str, str]:
    """Of the reminders; empty: switched off."""
    hours, minutes = policy.day_hours, policy.last_minutes
    before_day = ngettext("%(n)s hour before the visit", "%(n)s hours before the visit", hours) % {"n": hours}
    before = ngettext("%(n)s minute before the visit", "%(n)s minutes before the visit", minutes) % {"n": minutes}
    return {"reminder-day": before_day if hours else "", "reminder-hours": before if minutes else ""}


def _telling_places(clinic: UUID) -> list[str]:
    """Branches whose name says what it must not, in place of {where}. Streets may be called like a doctor."""
    known = texts.lexicon_of(clinic)
    names = [name for place in texts.places_of(clinic) for name in (place.name_ru, place.name_en)]
    return [name for name in names if any(found.why != Why.DOCTOR for found in forbidden.find(name, known))]


@never_cache
@require_http_methods(["GET", "POST"])
@staff_page(Role.CLINIC_ADMIN)
def text(request: HttpRequest, actor: Actor, kind: str, language: str) -> HttpResponse:
    """One message in one language: write it, look at it, see who wrote what before."""
    form = _form(request, actor, kind, language)
    if form.is_bound and form.is_valid():
        try:
            write_text(actor=actor, kind=kind, language=language, seen=form.cleaned_data["seen"], text=form.text)
        except TextHasChanged as changed:
            return _page(request, actor, form, status=changed.status, changed=changed)
        return redirect(f"{reverse('notifications:text', args=[kind, language])}?saved=1")
    return _page(request, actor, form, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(["GET", "POST"])
@staff_page(Role.CLINIC_ADMIN)
def preview(request: HttpRequest, actor: Actor, kind: str, language: str) -> HttpResponse:
    """How the typed text would look. With htmx only that part, else the page with what was typed."""
    if request.method == "GET":  # the address was opened again, or the language of the page was changed on it
        return redirect("notifications:text", kind, language)
    form = _form(request, actor, kind, language)
    form.is_valid()
    if request.headers.get("HX-Request"):
        return render(request, "notifications/_look.html", _look(form) | {"is_live": True})
    return _page(request, actor, form, status=200)


@never_cache
@require_POST
@staff_page(Role.CLINIC_ADMIN)
def standard(request: HttpRequest, actor: Actor, kind: str, language: str) -> HttpResponse:
    """Back to the standard text; the clinic's own stays in the history."""
    _require(kind, language)
    seen = request.POST.get("seen", "")
    if not (seen.isascii() and seen.isdigit() and len(seen) < 10):
        raise BadInput
    write_text(actor=actor, kind=kind, language=language, seen=int(seen), text=None)
    return redirect(f"{reverse('notifications:text', args=[kind, language])}?saved=1")


def _require(kind: str, language: str) -> None:
    if kind not in KINDS or not KINDS[kind].is_the_clinics or language not in LANGUAGES:
        raise NotFound


def _form(request: HttpRequest, actor: Actor, kind: str, language: str) -> TextForm:
    _require(kind, language)
    known, places = texts.lexicon_of(actor.clinic), texts.places_of(actor.clinic)
    data = posted(request)
    initial = _initial(request.GET, actor.clinic, kind, language) if data is None else None
    return TextForm(data, initial=initial, kind=kind, language=language, known=known, places=places)


def _initial(query: QueryDict, clinic: UUID, kind: str, language: str) -> dict[str, Any]:
    """What is said now, or an earlier version to start from (`?version=2`, 0 is the standard text)."""
    rows = list(texts.versions(clinic, kind, language)[:HISTORY])
    wanted = query.get("version", "")
    start = next((row for row in rows if str(row.version) == wanted), rows[0] if rows and wanted != "0" else None)
    said = texts.own_words(start) or standard_text(kind, language)
    words = {name: getattr(said, name) for name in LENGTHS}
    return {**words, "seen": rows[0].version if rows else 0}


def standard_text(kind: str, language: str) -> Text:
    with override(language):
        return Text(**{name: str(getattr(TEXTS[kind], name)) for name in LENGTHS})


def _page(
    request: HttpRequest, actor: Actor, form: TextForm, *, status: int, changed: TextHasChanged | None = None
) -> HttpResponse:
    rows = list(texts.versions(actor.clinic, form.kind, form.language)[:HISTORY])
    names = texts.names_of({row.made_by for row in rows})
    newest = rows[0].version if rows else 0
    context = {
        "form": form,
        "kind": form.kind,
        "language": form.language,
        "language_name": LANGUAGES[form.language],
        "title": TITLES[form.kind],
        "now": rows[0] if rows else None,
        "seen": newest if changed or not form.is_bound else form["seen"].value(),
        "history": [{"text": row, "who": names.get(row.made_by, "")} for row in rows],
        "zone": _zone(form.places),
        "blanks": drafts.explained(form.kind),
        "languages": LANGUAGES.items(),
        "changed": changed,
        "is_saved": request.GET.get("saved") == "1",
        **_look(form),
    }
    return render(request, "notifications/text.html", context, status=status)


def _look(form: TextForm) -> dict[str, Any]:
    """The typed text at its longest; of an unbound form what it starts with."""
    start = form.draft if form.is_bound else Text(**{name: form.initial[name] for name in LENGTHS})
    look = form.look or drafts.look(form.kind, form.language, form.places, start)
    return {
        "look": look,
        "parts": drafts.parts_words(look.segments),
        "tone": "bad" if drafts.too_long(look.segments) else "now" if look.segments.parts > 1 else "ok",
        "is_long": look.segments.parts > 1,
        "advertising": drafts.advertising(start),
        "wrong": [form[name] for name in form.errors if name in LENGTHS],
        "form": form,
        "kind": form.kind,
        "language": form.language,
    }


def _zone(places: list[Location]) -> str:
    return places[0].zone if places else "Europe/Moscow"
