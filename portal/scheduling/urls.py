from django.urls import path

from portal.scheduling.views import booking, public, visits

app_name = "scheduling"

public_patterns = [
    path("", public.home, name="home"),
    path("doctors/", public.results, name="results"),
    path("doctors/<slug:slug>/", public.doctor, name="doctor"),
    path("services/", public.services, name="services"),
    path("branches/", public.branches, name="branches"),
    path("branches/<slug:slug>/", public.branch, name="branch"),
]
own_patterns = [
    path("book/hold/", booking.hold, name="hold"),
    path("book/leave/", booking.leave, name="leave"),
    path("book/<uuid:hold_id>/", booking.check, name="check"),
    path("book/<uuid:hold_id>/confirm/", booking.confirm, name="confirm"),
    path("me/visits/", visits.visits, name="visits"),
    path("me/visits/<uuid:visit_id>/", visits.visit, name="visit"),
    path("me/visits/<uuid:visit_id>/cancel/", visits.cancel, name="cancel"),
    path("me/visits/<uuid:visit_id>/calendar.ics", visits.calendar, name="calendar"),
]
