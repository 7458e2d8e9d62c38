"""The patient and everyone who stands near. All of it behind the wall; what names a person is encrypted."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.kernel.base import PatientRecord
from portal.kernel.fields import EncryptedDateField, EncryptedJSONField, EncryptedTextField
from portal.people.models.accounts import User
from portal.people.models.directory import LegalDocument, Organization, Practitioner


class Sex(models.TextChoices):
    """NSI 1.2.643.5.1.13.13.11.1040 knows 1 male, 2 female; FHIR administrative-gender gives the codes."""

    FEMALE = "female", _("Female")
    MALE = "male", _("Male")


class Patient(PatientRecord):
    """Portal-wide. `user` is the account of the person themselves; a child has none."""

    patient_column = "id"
    public_fields = {"language": "ru or en, for messages"}
    retention = "MEDICAL_25Y"

    user = models.OneToOneField(User, models.PROTECT, null=True, related_name="+")
    family_name = EncryptedTextField()
    given_name = EncryptedTextField()
    middle_name = EncryptedTextField(null=True)
    birth_date = EncryptedDateField()
    sex = EncryptedTextField()
    language = models.CharField(max_length=2, default="ru")
    version = models.PositiveIntegerField(default=1)

    @property
    def full_name(self) -> str:
        return " ".join(part for part in (self.given_name, self.middle_name, self.family_name) if part)

    @property
    def short_name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    def age_on(self, day: date) -> int:
        born: date = self.birth_date
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class PatientPart(PatientRecord):
    """Base of everything that hangs on a patient."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    patient_id: UUID

    class Meta:
        abstract = True


class Contact(PatientPart):
    """A phone (E.164) or an e-mail. `digest` finds it without showing it; verified ones are unique.

    A removed one is found no more and is kept a day, so that its owner hears of the removal (ASVS 5.0, 6.3.7).
    """

    class Kind(models.TextChoices):
        PHONE = "phone", _("Phone")
        EMAIL = "email", _("E-mail")

    public_fields = {"kind": "the word phone or email"}
    retention = "ACCOUNT"

    kind = models.CharField(max_length=5, choices=Kind.choices)
    value = EncryptedTextField()
    digest = models.BinaryField(max_length=32)
    verified_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    comes_back = False  # whether mail comes back from there, where `contacts_of` has looked

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["digest"], condition=models.Q(verified_at__isnull=False), name="one_owner_per_contact"
            ),
        ]


class PatientIdentifier(PatientPart):
    """A number that the state or an insurer gave the person. `digest` finds an equal one without showing it.

    Systems are the state's object identifiers: 1.2.643.100.3 is SNILS.
    """

    class System(models.TextChoices):
        SNILS = "urn:oid:1.2.643.100.3", _("SNILS")
        POLICY = "urn:oid:1.2.643.2.69.1.1.1.6.228", _("OMS policy")

    public_fields = {"system": "a code"}
    retention = "MEDICAL_25Y"

    system = models.CharField(max_length=40, choices=System.choices)
    value = EncryptedTextField(help_text="digits alone")
    digest = models.BinaryField(max_length=32)
    words = ""  # the number as people write it, set by the page that shows it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["patient", "system"], name="one_identifier_per_system")]


class PatientAtOrganization(PatientPart):
    """A person is this clinic's patient: reception's compartment. Clinic A never learns of clinic B."""

    retention = "MEDICAL_25Y"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    card_number = EncryptedTextField(null=True)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["patient", "organization"], name="one_card_per_organization")]


class CareTeam(PatientPart):
    """A doctor who may see this patient, in a period, and why. Their department may too."""

    public_fields = {"department": "a department's slug"}
    retention = "MEDICAL_25Y"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    practitioner = models.ForeignKey(Practitioner, models.PROTECT, related_name="+")
    department = models.SlugField()
    appointment_id = models.UUIDField(null=True)
    period = DateTimeRangeField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "practitioner"], name="careteam_practitioner"),
            models.Index(fields=["organization", "department"], name="careteam_department"),
            models.Index(fields=["appointment_id"], name="careteam_appointment"),
        ]


class Proxy(PatientPart):
    """A parent or another representative, who acts as themselves on behalf of the patient."""

    public_fields = {"relation": "a code"}
    retention = "ACCOUNT"

    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    relation = models.CharField(max_length=20, default="parent")
    period = DateTimeRangeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["patient", "user"], name="one_proxy_per_person")]


class Consent(PatientPart):
    """Proof of a consent (152-FZ art. 9 part 3): who, which text, when, how. Never changed: withdrawing adds a row."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        INACTIVE = "inactive"

    public_fields = {
        "status": "a FHIR Consent.status code",
        "document_sha256": "hash of a published text",
        "channel": "a code",
    }
    retention = "ACCOUNT"

    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    document = models.ForeignKey(LegalDocument, models.PROTECT, related_name="+")
    document_sha256 = models.CharField(max_length=64)
    status = models.CharField(max_length=10, choices=Status.choices)
    channel = models.CharField(max_length=10, default="web")
    evidence = EncryptedJSONField(help_text="ip, user agent, language, id of the code that confirmed the contact")
    recorded_at = models.DateTimeField(auto_now_add=True)
