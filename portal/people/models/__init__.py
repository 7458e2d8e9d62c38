"""Who: the public directory, the patient and those around them, accounts and consents."""

from portal.people.models.accounts import (
    OneTimeCode,
    RateWindow,
    Session,
    SmsBlock,
    StaffAccount,
    StaffAssignment,
    StaffInvite,
    User,
)
from portal.people.models.directory import (
    HealthcareService,
    LegalDocument,
    Location,
    Online,
    Organization,
    Payer,
    Practitioner,
    PractitionerRole,
    Resource,
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
    "Online",
    "Organization",
    "Patient",
    "PatientAtOrganization",
    "Payer",
    "Practitioner",
    "PractitionerRole",
    "Proxy",
    "RateWindow",
    "Resource",
    "ServiceOffer",
    "Session",
    "SmsBlock",
    "Specialty",
    "StaffAccount",
    "StaffAssignment",
    "StaffInvite",
    "User",
]
