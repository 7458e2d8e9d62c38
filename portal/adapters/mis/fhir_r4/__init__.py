"""A MIS that speaks HL7 FHIR R4 (4.0.1). How another system is added: docs/howto/add-a-mis.md."""

from portal.adapters.mis.fhir_r4.system import System as System
