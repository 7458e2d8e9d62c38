"""FHIR servers that are not ours: what our client may meet, started on this machine."""
