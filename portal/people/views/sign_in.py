"""Signing in: contact → code → (a new person: consent, then who you are) → where you were going.

Nobody learns whether an account exists: the first two pages are the same for everyone.
The session holds only ids between the pages.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from portal.kernel.actor import Actor
from portal.kernel.address import client_ip
from portal.kernel.audit import record
from portal.kernel.errors import Conflict, NotFound
from portal.people import known_browsers
from portal.people.forms import CodeForm, ConsentForm, ContactForm, PersonForm
from portal.people.models import LegalDocument, OneTimeCode, User
from portal.people.selectors import current_document
from portal.people.selectors_sql import find_by_contact
from portal.people.services.browsers import note_new_browser
from portal.people.services.code_limits import CodesExhausted
from portal.people.services.codes import check_code, request_code
from portal.people.services.register import register_person
from portal.people.sessions import asking_browser
from portal.people.views.guards import posted

FLOW = "sign_in"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Phone or e-mail. `next` survives the whole way."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if actor.is_signed_in:  # not `request.user`: an account that has lost its role would be sent round for ever
        return redirect(_next(request.GET.get("next", "")))
    if request.method == "GET":
        request.session[FLOW] = {"next": _next(request.GET.get("next", ""))}
        return render(request, "people/sign_in.html", {"form": ContactForm()})
    form = ContactForm(request.POST)
    if not form.is_valid():
        return render(request, "people/sign_in.html", {"form": form}, status=422)
    return _send(request, form)


def _send(request: HttpRequest, form: ContactForm) -> HttpResponse:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    try:
        code = request_code(
            actor=actor,
            address=form.cleaned_data["contact"],
            purpose=OneTimeCode.Purpose.SIGN_IN,
            ip=client_ip(request),
            language=get_language() or "ru",
            session=asking_browser(request),
        )
    except CodesExhausted as problem:
        form.add_error("contact", str(problem.text))
        return render(request, "people/sign_in.html", {"form": form}, status=429)
    flow = request.session.get(FLOW) or {}
    request.session[FLOW] = {"next": flow.get("next", reverse("people:home")), "code": str(code.pk)}
    return redirect("people:code")


def _next(url: str) -> str:
    """A path of our own or the person's first page."""
    is_ours = url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return url if is_ours and len(url) < 500 else reverse("people:home")


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Six digits. Wrong ones say how many tries are left."""
    flow = request.session.get(FLOW) or {}
    row = _code_of(flow)
    if row is None:
        return redirect("people:sign-in")
    if request.method == "GET":
        return _code_page(request, row, CodeForm())
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _code_page(request, row, form)
    result = check_code(
        actor=request.actor,  # type: ignore[attr-defined]
        code_id=row.pk,
        purpose=OneTimeCode.Purpose.SIGN_IN,
        code=form.cleaned_data["code"],
        session=asking_browser(request),
    )
    if isinstance(result, int):
        form.add_error("code", tries_left(result))
        return _code_page(request, row, form)
    return _after_code(request, result)


def _code_of(flow: dict[str, str]) -> OneTimeCode | None:
    if "code" not in flow:
        return None
    return OneTimeCode.objects.filter(pk=flow["code"], purpose=OneTimeCode.Purpose.SIGN_IN).first()


def tries_left(tries: int) -> str:
    if not tries:
        return _("This code does not work any more. Ask for a new one.")
    return (
        ngettext(
            "The code did not match. %d try left, and you can ask for a new code.",
            "The code did not match. %d tries left, and you can ask for a new code.",
            tries,
        )
        % tries
    )


def _code_page(request: HttpRequest, row: OneTimeCode, form: CodeForm) -> HttpResponse:
    wait = (row.again_at - timezone.now()).total_seconds()
    context = {
        "form": form,
        "channel": row.channel,
        "destination": row.destination,
        "wait_seconds": max(0, round(wait)),
    }
    return render(request, "people/code.html", context, status=422 if form.is_bound else 200)


@require_POST
def code_again(request: HttpRequest) -> HttpResponse:
    """A new code to the same address; within the pause the one on its way is kept."""
    flow = request.session.get(FLOW) or {}
    row = _code_of(flow)
    if row is None:
        return redirect("people:sign-in")
    form = ContactForm({"contact": row.destination})
    form.is_valid()
    return _send(request, form)


def _after_code(request: HttpRequest, row: OneTimeCode) -> HttpResponse:
    found = find_by_contact(bytes(row.destination_digest), purpose="sign-in")
    user = User.objects.filter(pk=found[0][1], is_active=True).first() if found and found[0][1] else None
    if user:
        if not known_browsers.is_known(request, user.pk):
            note_new_browser(actor=request.actor, patient_id=found[0][0], code_id=row.pk)  # type: ignore[attr-defined]
        return _enter(request, user)
    flow = request.session[FLOW]
    request.session[FLOW] = {"next": flow["next"], "proved": str(row.pk)}
    return redirect("people:consent")


def _enter(request: HttpRequest, user: User) -> HttpResponse:
    flow = request.session.get(FLOW) or {}
    login(request, user, backend=BACKEND)
    request.session.pop(FLOW, None)
    request.session["device"] = device_family(request.headers.get("User-Agent", ""))
    record("User.sign-in", "success", user=str(user.pk))
    response = redirect(flow.get("next") or reverse("people:home"))
    known_browsers.remember(request, response, user.pk)
    return response


def device_family(agent: str) -> str:
    """`Chrome, Android`: enough to recognise one's own phone, not enough to follow anybody."""
    browsers = [
        ("YaBrowser", "Yandex Browser"),
        ("Edg", "Edge"),
        ("Firefox", "Firefox"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    ]
    systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]
    names = [next((name for mark, name in family if mark in agent), "") for family in (browsers, systems)]
    return ", ".join(name for name in names if name)


def _proved(request: HttpRequest) -> dict[str, Any] | None:
    flow = request.session.get(FLOW) or {}
    return flow if "proved" in flow else None


@never_cache
@require_http_methods(["GET", "POST"])
def consent(request: HttpRequest) -> HttpResponse:
    """The consent as a document of its own, with an action of its own (152-FZ art. 9 part 1)."""
    flow = _proved(request)
    if flow is None:
        return redirect("people:sign-in")
    document = current_document(LegalDocument.Kind.CONSENT_ACCOUNT, timezone.localdate())
    if document is None:
        raise NotFound
    form = ConsentForm(posted(request), initial={"document": document.pk})
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["document"] != document.pk:
            raise Conflict(_("The text of the consent has changed while you were reading. Read the new one, please."))
        request.session[FLOW] = flow | {"consent": str(document.pk), "agreed_at": timezone.now().isoformat()}
        return redirect("people:new")
    return render(
        request, "people/consent.html", {"form": form, "document": document}, status=422 if form.is_bound else 200
    )


@never_cache
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Who you are. The account appears when this page is accepted."""
    flow = _proved(request)
    if flow is None or "consent" not in flow:
        return redirect("people:consent" if flow else "people:sign-in")
    form = PersonForm(posted(request))
    if request.method == "GET" or not form.is_valid():
        return render(request, "people/new.html", {"form": form}, status=422 if form.is_bound else 200)
    evidence = {
        "ip": client_ip(request),
        "agent": request.headers.get("User-Agent", "")[:200],
        "language": get_language(),
        "agreed_at": flow["agreed_at"],
    }
    user = register_person(
        actor=request.actor,  # type: ignore[attr-defined]
        person=form.person,
        code_id=UUID(flow["proved"]),
        document_id=UUID(flow["consent"]),
        evidence=evidence,
    )
    return _enter(request, user)


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Sign out of this browser."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if actor.is_signed_in:
        record("User.sign-out", "success", user=str(actor.user_id))
    logout(request)
    return redirect(f"/{'en/' if get_language() == 'en' else ''}")
