"""Who: the public directory, the patient and those around them, accounts and consents."""

from portal.people.models.accounts import (
    OneTimeCode,
    RateWindow,
    Session,
    StaffAccount,
    StaffAssignment,
    StaffInvite,
    User,
)
from portal.people.models.directory import (
    HealthcareService,
    LegalDocument,
    Location,
    Organization,
    Practitioner,
    PractitionerRole,
    ServiceOffer,
    Specialty,
)
from portal.people.models.patients import CareTeam, Consent, Contact, Patient, PatientAtOrganization, Proxy

__all__ = [
    "CareTeam",
    "Consent",
    "Contact",
    "HealthcareService",
    "LegalDocument",
    "Location",
    "OneTimeCode",
    "Organization",
    "Patient",
    "PatientAtOrganization",
    "Practitioner",
    "PractitionerRole",
    "Proxy",
    "RateWindow",
    "ServiceOffer",
    "Session",
    "Specialty",
    "StaffAccount",
    "StaffAssignment",
    "StaffInvite",
    "User",
]
