"""Staff: password, then the second factor, then the desk. An invitation sets both."""

from __future__ import annotations

from uuid import UUID

from allauth.mfa.totp.internal.auth import generate_totp_secret, validate_totp_code
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.kernel import crypto
from portal.kernel.audit import record
from portal.people.actors import ASSIGNMENT
from portal.people.forms import CodeForm, InviteForm, StaffSignInForm
from portal.people.models import StaffAccount, StaffAssignment, StaffInvite, User
from portal.people.services.staff import accept_invite, check_password, check_second_factor, live_invite
from portal.people.views.guards import posted
from portal.people.views.sign_in import BACKEND, device_family

FLOW = "staff_sign_in"


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Work e-mail and password; a wrong pair, an unknown address and a locked account answer alike."""
    form = StaffSignInForm(posted(request))
    if request.method == "POST" and form.is_valid():
        account = check_password(
            actor=request.actor,  # type: ignore[attr-defined]
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password"],
        )
        if account:
            request.session[FLOW] = str(account.pk)
            return redirect("people:staff-code")
        form.add_error(
            None,
            _(
                "The e-mail and the password do not match,"
                " or the account is closed for 15 minutes after five wrong tries."
            ),
        )
    return render(request, "people/staff_sign_in.html", {"form": form}, status=422 if form.is_bound else 200)


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Six digits from the authenticator app."""
    account_id = request.session.get(FLOW)
    if not account_id:
        return redirect("people:staff-sign-in")
    form = CodeForm(posted(request))
    if request.method == "POST" and form.is_valid():
        user = check_second_factor(
            actor=request.actor,  # type: ignore[attr-defined]
            account_id=UUID(account_id),
            code=form.cleaned_data["code"],
        )
        if user:
            return _enter(request, user)
        form.add_error("code", _("The code did not match or was used already. Wait for the next one in the app."))
    return render(request, "people/staff_code.html", {"form": form}, status=422 if form.is_bound else 200)


def _enter(request: HttpRequest, user: User) -> HttpResponse:
    assignment = StaffAssignment.objects.filter(user=user).order_by("role").first()
    login(request, user, backend=BACKEND)
    request.session.pop(FLOW, None)
    if assignment:
        request.session[ASSIGNMENT] = str(assignment.pk)
    request.session["device"] = device_family(request.headers.get("User-Agent", ""))
    record("User.sign-in", "success", user=str(user.pk), staff=True)
    return redirect("web:desk")


@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the key for the app, POST sets the password. The key waits sealed in the session."""
    found = live_invite(token)
    secret = _pending_secret(request, found)
    form = InviteForm(posted(request))
    if request.method == "POST" and form.is_valid():
        if validate_totp_code(secret, form.cleaned_data["code"]):
            accept_invite(
                actor=request.actor,  # type: ignore[attr-defined]
                token=token,
                password=form.cleaned_data["password"],
                secret=secret,
            )
            del request.session["totp"]
            return redirect("people:staff-sign-in")
        form.add_error("code", _("The code did not match. Wait for the next one in the app and type it."))
    context = {
        "form": form,
        "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        "name": _name(found),
    }
    return render(request, "people/staff_invite.html", context, status=422 if form.is_bound else 200)


def _pending_secret(request: HttpRequest, found: StaffInvite) -> str:
    place = crypto.Place("session", "totp", found.pk)
    kept = request.session.get("totp")
    if kept and kept.get("invite") == str(found.pk):
        return crypto.unseal(bytes.fromhex(kept["sealed"]), place).decode()
    secret: str = generate_totp_secret()
    request.session["totp"] = {"invite": str(found.pk), "sealed": crypto.seal(secret.encode(), place).hex()}
    return secret


def _name(found: StaffInvite) -> str:
    account: StaffAccount = found.account
    return str(account.display_name)
