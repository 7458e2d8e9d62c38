"""My data: who I am, how to reach me, where I am signed in, what I agreed to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.kernel.actor import STAFF_ROLES, Actor, Role
from portal.kernel.address import client_ip
from portal.kernel.base import get_one
from portal.kernel.errors import BadInput, Conflict, Forbidden, NotFound, SignInNeeded
from portal.people.compartment import open_own_doors
from portal.people.forms import CodeForm, ContactForm, OwnDataForm
from portal.people.models import Consent, OneTimeCode, Patient
from portal.people.selectors import contacts_of, sessions_of
from portal.people.services import own_data
from portal.people.services.code_limits import CodesExhausted
from portal.people.services.codes import check_code, request_code
from portal.people.sessions import asking_browser, stored_key
from portal.people.views.guards import patient_page, posted
from portal.people.views.sign_in import tries_left

FLOW = "new_contact"


@never_cache
@require_GET
@patient_page
def home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A person's first page is their visits."""
    return redirect("scheduling:visits")


def _me(actor: Actor) -> Patient:
    open_own_doors(actor, purpose="own-data")
    me: Patient = get_one(Patient.objects.visible_to(actor), user_id=actor.user_id)
    return me


@never_cache
@require_http_methods(["GET", "POST"])
@patient_page
def data(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Everything on one page; POST changes names, birth date and sex."""
    me = _me(actor)
    fields = ("family_name", "given_name", "middle_name", "birth_date", "sex", "version")
    if request.method == "GET":
        return _page(request, actor, me, OwnDataForm(initial={name: getattr(me, name) for name in fields}))
    form = OwnDataForm(request.POST.dict())
    if not form.is_valid():
        return _page(request, actor, me, form, status=422)
    try:
        own_data.update_person(actor=actor, patient_id=me.pk, version=form.cleaned_data["version"], person=form.person)
    except Conflict:
        form.data = {**form.data, "version": get_one(Patient.objects.visible_to(actor), pk=me.pk).version}
        form.add_error(None, _("This has changed in the meantime, perhaps by you elsewhere. Check it and save again."))
        return _page(request, actor, me, form, status=409)
    request.session["saved"] = True
    return redirect("people:data")


def _page(
    request: HttpRequest,
    actor: Actor,
    me: Patient,
    form: OwnDataForm,
    *,
    contact_form: ContactForm | None = None,
    status: int = 200,
) -> HttpResponse:
    consents = (
        Consent.objects.visible_to(actor).filter(patient_id=me.pk).select_related("document").order_by("-recorded_at")
    )
    context: dict[str, Any] = {
        "me": me,
        "form": form,
        "contact_form": contact_form or ContactForm(auto_id="new_%s"),
        "contacts": contacts_of(actor, me.pk),
        "sessions": sessions_of(actor.user_id) if actor.user_id else [],
        "this_session": stored_key(request.session.session_key or ""),
        "consents": list(consents),
        "saved": request.session.pop("saved", False) if request.method == "GET" else False,
    }
    return render(request, "people/data.html", context, status=status)


@require_POST
@patient_page
def contact_add(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A new phone or e-mail: a code goes there first."""
    me = _me(actor)
    form = ContactForm(request.POST, auto_id="new_%s")
    problem_status = 422
    if form.is_valid():
        try:
            row = request_code(
                actor=actor,
                address=form.cleaned_data["contact"],
                purpose=OneTimeCode.Purpose.CONTACT,
                ip=client_ip(request),
                language=get_language() or "ru",
                user_id=actor.user_id,
                session=asking_browser(request),
            )
        except CodesExhausted as problem:
            form.add_error("contact", str(problem.text))
            problem_status = 429
        else:
            request.session[FLOW] = str(row.pk)
            return redirect("people:contact-confirm")
    names = {name: getattr(me, name) for name in OwnDataForm.base_fields}
    return _page(request, actor, me, OwnDataForm(initial=names), contact_form=form, status=problem_status)


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
@patient_page
def contact_confirm(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The code from the new phone or e-mail."""
    me = _me(actor)
    code_id = request.session.get(FLOW)
    row = OneTimeCode.objects.filter(pk=code_id, user_id=actor.user_id).first() if code_id else None
    if row is None:
        return redirect("people:data")
    form = CodeForm(posted(request))
    if request.method == "POST" and form.is_valid():
        result = check_code(
            actor=actor,
            code_id=row.pk,
            purpose=OneTimeCode.Purpose.CONTACT,
            code=form.cleaned_data["code"],
            session=asking_browser(request),
        )
        if not isinstance(result, int):
            own_data.add_contact(actor=actor, patient_id=me.pk, code_id=row.pk)
            del request.session[FLOW]
            return redirect("people:data")
        form.add_error("code", tries_left(result))
    wait = (row.again_at - timezone.now()).total_seconds()
    context = {
        "form": form,
        "channel": row.channel,
        "destination": row.destination,
        "wait_seconds": max(0, round(wait)),
        "is_contact": True,
    }
    return render(request, "people/code.html", context, status=422 if form.is_bound else 200)


@require_POST
@patient_page
def contact_remove(request: HttpRequest, actor: Actor, contact_id: UUID) -> HttpResponse:
    me = _me(actor)
    own_data.remove_contact(actor=actor, patient_id=me.pk, contact_id=contact_id)
    return redirect("people:data")


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Sign out one other browser (`session`) or everywhere, this one included."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if not actor.is_signed_in:
        raise SignInNeeded
    if actor.role not in {Role.PATIENT, *STAFF_ROLES}:
        raise Forbidden
    only = request.POST.get("session", "")
    if only:
        if not (len(only) == 40 and only.isalnum() and only.isascii()):
            raise BadInput
        if not own_data.end_sessions(actor=actor, only=only):
            raise NotFound
        return redirect("people:data" if actor.role == Role.PATIENT else "web:desk")
    own_data.end_sessions(actor=actor)
    logout(request)
    return redirect("people:sign-in")
