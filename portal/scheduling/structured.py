"""What public pages tell machines (schema.org): the clinic's branches and its doctors. Published facts only."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from portal.people.models import Location, PractitionerRole, ServiceOffer

CONTEXT = "https://schema.org"
Thing = dict[str, Any]


def physician(role: PractitionerRole, offers: list[ServiceOffer]) -> Thing:
    """https://schema.org/Physician"""
    doctor = role.practitioner
    return {
        "@context": CONTEXT,
        "@type": "Physician",
        "name": doctor.full_name,
        "description": f"{role.specialty.name}. {doctor.local('title')}".removesuffix(". "),
        "medicalSpecialty": role.specialty.name,
        "url": settings.PUBLIC_URL + reverse("scheduling:doctor", args=[doctor.slug]),
        "knowsLanguage": ["ru", *doctor.languages],
        "memberOf": clinic(role.location) | {"@context": CONTEXT},
        "address": _address(role.location),
        "makesOffer": [_offer(offer) for offer in offers],
    }


def clinic(place: Location) -> Thing:
    """https://schema.org/MedicalClinic"""
    return {
        "@context": CONTEXT,
        "@type": "MedicalClinic",
        "name": f"{place.organization.name}, {place.name}",
        "url": settings.PUBLIC_URL + reverse("scheduling:branch", args=[place.slug]),
        "telephone": place.organization.phone,
        "address": _address(place),
        "geo": {"@type": "GeoCoordinates", "latitude": place.latitude, "longitude": place.longitude},
    }


def _address(place: Location) -> Thing:
    return {
        "@type": "PostalAddress",
        "streetAddress": place.name,
        "addressLocality": place.city,
        "addressCountry": "RU",
    }


def _offer(offer: ServiceOffer) -> Thing:
    price = {"price": offer.price, "priceCurrency": "RUB"} if offer.price else {}
    return {
        "@type": "Offer",
        **price,
        "itemOffered": {"@type": "MedicalProcedure", "name": offer.service.name},
    }
