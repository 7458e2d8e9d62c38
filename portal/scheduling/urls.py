from django.urls import path

from portal.scheduling.views import booking, feed, index, public, results, schedules, times, together, visits, waitlist

app_name = "scheduling"

public_patterns = [
    path("", public.home, name="home"),
    path("doctors/", results.results, name="results"),
    path("doctors/suggestions/", results.suggestions, name="suggestions"),
    path("doctors/<slug:slug>/", public.doctor, name="doctor"),
    path("services/", public.services, name="services"),
    path("services/together/", together.together, name="together"),
    path("branches/", public.branches, name="branches"),
    path("branches/<slug:slug>/", public.branch, name="branch"),
]
own_patterns = [
    path("robots.txt", index.robots, name="robots"),
    path("sitemap.xml", index.sitemap, name="sitemap"),
    path("times/<uuid:role_id>/", times.times, name="times"),
    path("book/hold/", booking.hold, name="hold"),
    path("book/any/", results.hold_any, name="hold-any"),
    path("book/together/", booking.hold_together, name="hold-together"),
    path("book/leave/", booking.leave, name="leave"),
    path("book/<uuid:batch>/", booking.check, name="check"),
    path("book/<uuid:batch>/course/", together.course, name="course"),
    path("book/<uuid:batch>/confirm/", booking.confirm, name="confirm"),
    path("book/<uuid:batch>/extend/", booking.extend, name="extend"),
    path("manage/booking/", schedules.policy, name="policy"),
    path("manage/schedules/", schedules.schedules, name="schedules"),
    path("manage/schedules/<uuid:role_id>/", schedules.schedule, name="schedule"),
    path("manage/schedules/<uuid:role_id>/rules/", schedules.add_rule, name="rule-add"),
    path("manage/schedules/<uuid:role_id>/rules/<uuid:rule_id>/remove/", schedules.remove_rule, name="rule-remove"),
    path("manage/schedules/<uuid:role_id>/exceptions/", schedules.add_exception, name="exception-add"),
    path(
        "manage/schedules/<uuid:role_id>/exceptions/<uuid:exception_id>/remove/",
        schedules.remove_exception,
        name="exception-remove",
    ),
    path("me/visits/", visits.visits, name="visits"),
    path("me/visits/<uuid:visit_id>/", visits.visit, name="visit"),
    path("me/visits/<uuid:visit_id>/move/", visits.move, name="move"),
    path("me/visits/<uuid:visit_id>/cancel/", visits.cancel, name="cancel"),
    path("me/visits/<uuid:visit_id>/calendar.ics", visits.calendar, name="calendar"),
    path("me/waiting/", waitlist.waiting, name="waiting"),
    path("me/waiting/new/", waitlist.join, name="waiting-join"),
    path("me/waiting/<uuid:entry_id>/", waitlist.entry, name="waiting-entry"),
    path("me/waiting/offers/<uuid:offer_id>/", waitlist.offer, name="waiting-offer"),
    path("me/calendar/", feed.page, name="feed-page"),
    path("me/calendar/link/", feed.make, name="feed-make"),
    path("me/calendar/revoke/", feed.revoke, name="feed-revoke"),
    path("cal/<str:token>.ics", feed.feed, name="feed"),
]
