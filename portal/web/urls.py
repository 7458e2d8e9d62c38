"""Addresses of the look itself; public ones, so they are mounted under `i18n_patterns`."""

from django.urls import path

from portal.web import views

app_name = "web"
urlpatterns = [
    path("look/", views.look, name="look"),
    path("brand.css", views.brand_css, name="brand"),
    path("design", views.design, name="design"),
]
