from django.urls import path

from portal.web import desk, requests, views

app_name = "web"

public_patterns = [
    path("design", views.design, name="design"),
]
own_patterns = [
    path("look/", views.look, name="look"),
    path("brand.css", views.brand_css, name="brand"),
    path("portal.webmanifest", views.manifest, name="manifest"),
    path("desk/", desk.desk, name="desk"),
    path("desk/visits/<uuid:visit_id>/", desk.desk_visit, name="desk-visit"),
    path("desk/visits/<uuid:visit_id>/confirm/", requests.confirm, name="request-confirm"),
    path("desk/visits/<uuid:visit_id>/decline/", requests.decline, name="request-decline"),
]
