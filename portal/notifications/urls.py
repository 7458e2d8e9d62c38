from typing import Any

from django.urls import path

from portal.notifications.views import chat, devices, hooks, journal, links, own, texts

app_name = "notifications"

public_patterns: list[Any] = []
own_patterns = [
    path("hooks/sms/<slug:vendor>/<str:secret>/", hooks.sms, name="sms-hook"),
    path("m/<str:token>/", links.link, name="link"),
    path("m/<str:token>/move/", links.move, name="link-move"),
    path("me/messages/", own.messages, name="own"),
    path("me/messages/devices/", devices.add, name="device-add"),
    path("me/messages/devices/<uuid:device_id>/remove/", devices.remove, name="device-remove"),
    path("me/messages/max/", chat.connect, name="chat-connect"),
    path("me/messages/max/off/", chat.disconnect, name="chat-disconnect"),
    path("hooks/max/", chat.hook, name="chat-hook"),
    path("push/shown/", devices.shown, name="shown"),
    path("worker.js", devices.worker, name="worker"),
    path("desk/messages/", journal.journal, name="journal"),
    path("desk/messages/<uuid:message_id>/", journal.message, name="message"),
    path("desk/messages/<uuid:message_id>/resend/", journal.resend, name="resend"),
    path("desk/messages/<uuid:message_id>/called/", journal.called, name="called"),
    path("manage/messages/", texts.messages, name="texts"),
    path("manage/messages/<slug:kind>/<slug:language>/", texts.text, name="text"),
    path("manage/messages/<slug:kind>/<slug:language>/preview/", texts.preview, name="text-preview"),
    path("manage/messages/<slug:kind>/<slug:language>/standard/", texts.standard, name="text-standard"),
]
