from typing import Any

from django.urls import path

from portal.mis.views import exchange, matches

app_name = "mis"

public_patterns: list[Any] = []
own_patterns = [
    path("manage/mis/", exchange.exchange, name="exchange"),
    path("manage/mis/drift.csv", exchange.drift_csv, name="drift"),
    path("manage/mis/out/<uuid:row_id>/replay/", exchange.replay_out, name="replay-out"),
    path("manage/mis/in/<uuid:row_id>/replay/", exchange.replay_in, name="replay-in"),
    path("manage/mis/doctors/<uuid:role_id>/", exchange.master, name="master"),
    path("desk/mis/patients/", matches.matches, name="matches"),
    path("desk/mis/patients/<uuid:patient_id>/", matches.settle, name="settle"),
]
