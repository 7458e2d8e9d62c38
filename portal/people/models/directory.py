"""What anyone may read: clinics, branches, doctors, services, published documents. No personal data of patients."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portal.kernel.base import PortalModel


class Mode(models.TextChoices):
    IN_PERSON = "in-person", _("At the clinic")
    VIDEO = "video", _("By video")
    CHAT = "chat", _("By chat")


class Online(models.TextChoices):
    """How far a patient gets alone: sees the times, asks for one, or has it at once."""

    VIEW = "view", _("by phone only")
    REQUEST = "request", _("the clinic confirms")
    INSTANT = "instant", _("at once")


class Payer(models.TextChoices):
    """Who pays for a visit: the person, compulsory or voluntary insurance (ОМС, ДМС)."""

    SELF = "self", _("I pay myself")
    OMS = "oms", _("compulsory insurance (OMS)")
    DMS = "dms", _("voluntary insurance (DMS)")


class Master(models.TextChoices):
    """Whose word counts for a doctor's times and visits (docs/adr/0013)."""

    PORTAL = "portal", _("the portal")
    MIS = "mis", _("the clinic's own system")


def paid_by_self() -> list[str]:
    return [Payer.SELF.value]


class Localized:
    """`obj.local("name")` is `name_en` on an English page when it is filled, else `name_ru`."""

    def local(self, field: str) -> Any:
        english = getattr(self, f"{field}_en") if get_language() == "en" else ""
        return english or getattr(self, f"{field}_ru")


class Organization(Localized, PortalModel):
    """The tenant. Requisites and licence are shown to patients (PP 736; 323-FZ art. 79)."""

    slug = models.SlugField(unique=True)
    name_ru = models.TextField()
    name_en = models.TextField()
    legal_name = models.TextField()
    inn = models.CharField(max_length=12)
    ogrn = models.CharField(max_length=15)
    license_number = models.TextField()
    license_date = models.DateField()
    license_issuer_ru = models.TextField()
    license_issuer_en = models.TextField()
    address_ru = models.TextField()
    address_en = models.TextField()
    regulators_ru = models.TextField(help_text="one authority a line: name, address, phone")
    regulators_en = models.TextField()
    phone = models.CharField(max_length=16)
    email = models.EmailField()
    hours_ru = models.TextField()
    hours_en = models.TextField()
    accent = models.CharField(max_length=7, blank=True, help_text="#rrggbb or empty for the portal's own")
    mark = models.TextField(blank=True, help_text="SVG path data of the square mark, or empty")

    @property
    def name(self) -> str:
        return str(self.local("name"))


class Location(Localized, PortalModel):
    """A branch. All wall-clock times of its schedules are in `zone`."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="locations")
    slug = models.SlugField(unique=True)
    name_ru = models.TextField(help_text="the street and number people know it by")
    name_en = models.TextField()
    city_ru = models.TextField()
    city_en = models.TextField()
    metro_ru = models.TextField(blank=True)
    metro_en = models.TextField(blank=True)
    hours_ru = models.TextField()
    hours_en = models.TextField()
    directions_ru = models.TextField(blank=True)
    directions_en = models.TextField(blank=True)
    zone = models.CharField(max_length=40, help_text="IANA name")
    latitude = models.FloatField()
    longitude = models.FloatField()

    @property
    def name(self) -> str:
        return str(self.local("name"))

    @property
    def city(self) -> str:
        return str(self.local("city"))

    @property
    def metro(self) -> str:
        return str(self.local("metro"))

    @property
    def hours(self) -> str:
        return str(self.local("hours"))


class Resource(PortalModel):
    """A room or a device that a visit occupies together with the doctor (FHIR Location, Device)."""

    class Kind(models.TextChoices):
        ROOM = "room"
        DEVICE = "device"

    location = models.ForeignKey(Location, models.PROTECT, related_name="resources")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    code = models.SlugField(help_text="what services ask for, as `ultrasound-scanner`; rooms are all `room`")
    name = models.CharField(max_length=40, help_text="the number on the door or the label on the device")
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["location", "code", "name"], name="one_resource_per_name")]

    def __str__(self) -> str:
        return self.name


class Specialty(Localized, PortalModel):
    """A specialty of the federal classifier (NSI); `name` is the word a patient uses for the doctor."""

    slug = models.SlugField(unique=True)
    nsi_oid = models.CharField(max_length=64, default="1.2.643.5.1.13.13.11.1066")
    nsi_code = models.CharField(max_length=16, blank=True, help_text="empty until loaded from the clinic's NSI file")
    nsi_name = models.TextField(help_text="the name in the classifier")
    name_ru = models.TextField()
    name_en = models.TextField()
    plural_ru = models.TextField()
    plural_en = models.TextField()
    words = ArrayField(models.TextField(), default=list, help_text="complaints and synonyms people search by")
    position = models.PositiveSmallIntegerField(default=0)

    @property
    def name(self) -> str:
        return str(self.local("name"))

    @property
    def plural(self) -> str:
        return str(self.local("plural"))


class Practitioner(Localized, PortalModel):
    """A doctor, as published by duty (323-FZ art. 79 part 1 item 7)."""

    slug = models.SlugField(unique=True)
    family_name_ru = models.TextField()
    given_name_ru = models.TextField()
    middle_name_ru = models.TextField(blank=True)
    family_name_en = models.TextField()
    given_name_en = models.TextField()
    middle_name_en = models.TextField(blank=True)
    title_ru = models.TextField(blank=True)
    title_en = models.TextField(blank=True)
    about_ru = models.TextField(blank=True)
    about_en = models.TextField(blank=True)
    education = models.JSONField(default=list, help_text="[{year, ru, en}], newest first")
    practising_since = models.PositiveSmallIntegerField(null=True, help_text="a year; empty while nobody has told")
    languages = ArrayField(models.CharField(max_length=2), default=list, help_text="ISO 639-1, besides Russian")
    min_age = models.PositiveSmallIntegerField(default=18)
    max_age = models.PositiveSmallIntegerField(default=120)

    @property
    def full_name(self) -> str:
        middle = self.middle_name_en if get_language() == "en" else self.middle_name_ru  # English goes without
        parts = (self.local("given_name"), middle, self.local("family_name"))
        return " ".join(str(part) for part in parts if part)

    @property
    def short_name(self) -> str:
        return f"{self.local('given_name')} {self.local('family_name')}"


class HealthcareService(Localized, PortalModel):
    """What is booked: name, minutes, price in roubles, how it takes place, what to prepare."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="services")
    specialty = models.ForeignKey(Specialty, models.PROTECT, related_name="services")
    slug = models.SlugField(unique=True)
    name_ru = models.TextField()
    name_en = models.TextField()
    duration_minutes = models.PositiveSmallIntegerField()
    price = models.PositiveIntegerField(help_text="whole roubles")
    modes = ArrayField(models.CharField(max_length=10, choices=Mode.choices))
    preparation_ru = models.TextField(blank=True)
    preparation_en = models.TextField(blank=True)
    is_first_choice = models.BooleanField(default=False, help_text="offered when the person chose only a doctor")
    buffer_minutes = models.PositiveSmallIntegerField(default=0, help_text="kept free after the visit")
    online = models.CharField(max_length=8, choices=Online.choices, default=Online.INSTANT)
    lead_minutes = models.PositiveSmallIntegerField(null=True, help_text="instead of the clinic's policy")
    horizon_days = models.PositiveSmallIntegerField(null=True, help_text="instead of the clinic's policy")
    payers = ArrayField(models.CharField(max_length=4, choices=Payer.choices), default=paid_by_self)
    needs_referral = models.BooleanField(default=False)
    min_age = models.PositiveSmallIntegerField(default=0)
    max_age = models.PositiveSmallIntegerField(default=120)
    devices = ArrayField(models.SlugField(), default=list, help_text="codes of devices, one of each is occupied")
    course_visits = models.PositiveSmallIntegerField(default=1, help_text="as many may be booked as one course")
    position = models.PositiveSmallIntegerField(default=0)

    @property
    def name(self) -> str:
        return str(self.local("name"))

    @property
    def preparation(self) -> str:
        return str(self.local("preparation"))


class PractitionerRole(PortalModel):
    """A doctor at a branch in a specialty. Schedules belong to it."""

    practitioner = models.ForeignKey(Practitioner, models.PROTECT, related_name="roles")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="roles")
    location = models.ForeignKey(Location, models.PROTECT, related_name="roles")
    specialty = models.ForeignKey(Specialty, models.PROTECT, related_name="roles")
    department = models.SlugField(help_text="doctors of one department see each other's patients")
    room = models.ForeignKey(Resource, models.PROTECT, null=True, related_name="+")
    is_active = models.BooleanField(default=True)
    master = models.CharField(max_length=6, choices=Master.choices, default=Master.PORTAL)
    services: models.ManyToManyField[HealthcareService, ServiceOffer] = models.ManyToManyField(
        HealthcareService, through="ServiceOffer", related_name="roles"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["practitioner", "location", "specialty"], name="one_role_per_place")
        ]


class ServiceOffer(PortalModel):
    """This doctor gives this service, perhaps at a price of their own."""

    role = models.ForeignKey(PractitionerRole, models.CASCADE, related_name="offers")
    service = models.ForeignKey(HealthcareService, models.PROTECT, related_name="offers")
    own_price = models.PositiveIntegerField(null=True)
    own_minutes = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "service"], name="one_offer_per_service")]

    @property
    def price(self) -> int:
        return self.service.price if self.own_price is None else self.own_price

    @property
    def minutes(self) -> int:
        """How long this doctor takes for it."""
        return self.own_minutes or self.service.duration_minutes

    @property
    def ages(self) -> tuple[int, int]:
        """The youngest and the oldest who may come, in whole years: both the doctor and the service must agree."""
        doctor, service = self.role.practitioner, self.service
        return max(doctor.min_age, service.min_age), min(doctor.max_age, service.max_age)

    def serves(self, age: int) -> bool:
        youngest, oldest = self.ages
        return youngest <= age <= oldest


class LegalDocument(Localized, PortalModel):
    """A published text with a version: policy, consent, rules. Texts are data because laws expire (LAW-1)."""

    class Kind(models.TextChoices):
        POLICY = "policy"
        RULES = "rules"
        CONSENT_ACCOUNT = "consent-account"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    version = models.PositiveSmallIntegerField()
    title_ru = models.TextField()
    title_en = models.TextField()
    body_ru = models.TextField()
    body_en = models.TextField()
    sha256 = models.CharField(max_length=64, editable=False, help_text="of the Russian text, which is the one signed")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "kind", "version"], name="one_text_per_version")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sha256 = hashlib.sha256(self.body_ru.encode()).hexdigest()
        super().save(*args, **kwargs)

    @property
    def title(self) -> str:
        return str(self.local("title"))

    @property
    def body(self) -> str:
        return str(self.local("body"))
