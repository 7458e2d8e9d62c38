"""A refusal, and how FHIR says it: always an OperationOutcome."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """`code`: of the issue-type value set; the text is for the client's log and names no person."""

    def __init__(self, status: int, code: str, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status, self.code, self.headers = status, code, headers
        self.expression = ""

    def outcome(self) -> dict[str, Any]:
        told = outcome(self.code, str(self))
        if self.expression:
            told["issue"][0]["expression"] = [self.expression]
        return told


def outcome(code: str, text: str, *, severity: str = "error") -> dict[str, Any]:
    issue = {"severity": severity, "code": code, "details": {"text": text}, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
