from django.urls import path, re_path

from portal.people.views import numbers, own_data, public, sign_in, staff

app_name = "people"

public_patterns = [
    path("clinics/<slug:slug>/", public.organization, name="organization"),
    re_path(r"^legal/(?P<kind>policy|rules|consent-account)/$", public.legal, name="legal"),
]
own_patterns = [
    path("sign-in/", sign_in.start, name="sign-in"),
    path("sign-in/code/", sign_in.code, name="code"),
    path("sign-in/code/again/", sign_in.code_again, name="code-again"),
    path("sign-in/consent/", sign_in.consent, name="consent"),
    path("sign-in/new/", sign_in.new, name="new"),
    path("sign-out/", sign_in.leave, name="sign-out"),
    path("me/", own_data.home, name="home"),
    path("me/data/", own_data.data, name="data"),
    path("me/data/contacts/", own_data.contact_add, name="contact-add"),
    path("me/data/contacts/confirm/", own_data.contact_confirm, name="contact-confirm"),
    path("me/data/contacts/<uuid:contact_id>/remove/", own_data.contact_remove, name="contact-remove"),
    path("me/data/numbers/", numbers.own, name="numbers"),
    path("me/data/numbers/remove/", numbers.own_remove, name="numbers-remove"),
    path("desk/patients/<uuid:patient_id>/numbers/", numbers.desk, name="desk-numbers"),
    path("desk/patients/<uuid:patient_id>/numbers/remove/", numbers.desk_remove, name="desk-numbers-remove"),
    path("me/sessions/end/", own_data.sessions_end, name="sessions-end"),
    path("staff/", staff.sign_in, name="staff-sign-in"),
    path("staff/code/", staff.code, name="staff-code"),
    path("staff/invite/<str:token>/", staff.invite, name="staff-invite"),
]
