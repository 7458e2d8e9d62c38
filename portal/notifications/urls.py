from typing import Any

from django.urls import path

from portal.notifications.views import journal, links, own, texts

app_name = "notifications"

public_patterns: list[Any] = []
own_patterns = [
    path("m/<str:token>/", links.link, name="link"),
    path("m/<str:token>/move/", links.move, name="link-move"),
    path("me/messages/", own.messages, name="own"),
    path("desk/messages/", journal.journal, name="journal"),
    path("desk/messages/<uuid:message_id>/", journal.message, name="message"),
    path("desk/messages/<uuid:message_id>/resend/", journal.resend, name="resend"),
    path("desk/messages/<uuid:message_id>/called/", journal.called, name="called"),
    path("manage/messages/", texts.messages, name="texts"),
    path("manage/messages/<slug:kind>/<slug:language>/", texts.text, name="text"),
    path("manage/messages/<slug:kind>/<slug:language>/preview/", texts.preview, name="text-preview"),
    path("manage/messages/<slug:kind>/<slug:language>/standard/", texts.standard, name="text-standard"),
]
