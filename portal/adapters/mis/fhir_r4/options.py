"""What stands under `options` of a mapping with `vendor: fhir_r4`. Defaults are the state's identifiers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from portal.mis.mapping import WrongMapping

SNILS = ["urn:oid:1.2.643.100.3", "urn:oid:1.2.643.2.69.1.1.1.6.223", "https://fhir.ru/ig/core/systems/snils"]
POLICY = [
    "urn:oid:1.2.643.2.69.1.1.1.6.228",
    "https://fhir.ru/ig/core/systems/OMS",
    "https://fhir.ru/ig/core/systems/oms",
]
CARD = ["urn:oid:1.2.643.5.1.13.2.7.100.5"]


class Options(BaseModel):
    """Identifier systems: the first of each list is written, all are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    visit_system: str = Field("urn:portal:appointment", description="system of our ids of visits")
    patient_system: str = Field("urn:portal:patient", description="system of our ids of patients")
    snils: list[str] = Field(default=SNILS, min_length=1)
    policy: list[str] = Field(default=POLICY, min_length=1)
    card: list[str] = Field(default=CARD, min_length=1)
    page: int = Field(200, ge=10, le=1000, description="entries asked for at once")
    bases: list[str] = Field(default_factory=list, description="other addresses its references begin with")
    uses_operations: bool = Field(True, description="$hold and $book, where the server offers them")
    cancel_reason: str = Field("pat", description="code of appointment-cancellation-reason")

    @classmethod
    def of(cls, given: dict[str, Any]) -> Options:
        """Raises WrongMapping that names each mistake."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False)
            raise WrongMapping([f"options.{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems]) from None
