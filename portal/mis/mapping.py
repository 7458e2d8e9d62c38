"""A clinic's MIS in one file: `<MIS_FOLDER>/<slug of the organization>.yaml`. Read, validated, explained.

Secrets never stand in it: a key that ends in `_file` names a file that holds one. What a vendor needs besides stands
under its own name and is validated by its adapter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import yaml
from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from portal.mis.ports import VisitStatus
from portal.notifications.kinds import KINDS, THE_PORTALS, About

VENDOR = re.compile(r"[a-z][a-z0-9_]{1,30}")
SLUG = re.compile(r"[a-z0-9-]{1,50}")


class WrongMapping(Exception):
    """The file is not what it should be; one sentence a line, each naming the place in the file."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Timeouts(Strict):
    """Seconds. `unknown`: how long after silence a write may still take effect there; then it is asked about."""

    read: float = Field(5, gt=0, le=60)
    write: float = Field(15, gt=0, le=60)
    unknown: float = Field(20, gt=0, le=600)


class Freshness(Strict):
    """Seconds after which times are read again: of today and tomorrow, of this week, beyond."""

    near: float = Field(45, ge=1)
    week: float = Field(300, ge=1)
    far: float = Field(3600, ge=1)
    changes: float = Field(5, ge=0.2, description="how often changes are asked for")
    overlap: float = Field(600, ge=0, description="so far back each time: clocks and commits there are not monotonic")


class Mapping(Strict):
    """What every MIS needs. `vendor_options` is for the adapter alone."""

    vendor: str
    url: str
    timezone: str
    token_file: Path | None = None
    login: str = ""
    password_file: Path | None = None
    when_down: str = Field("request", pattern="^(request|later)$")
    tells: list[str] = Field(default_factory=list, description="kinds of messages that the MIS sends itself")
    horizon_days: int = Field(28, ge=1, le=365)
    history_days: int = Field(1095, ge=1, le=36500, description="so far back visits that took place are shown")
    calls_at_once: int = Field(4, ge=1, le=32)
    timeouts: Timeouts = Timeouts()
    fresh: Freshness = Freshness()
    adds_doctors: bool = Field(True, description="doctors the portal does not know are added")
    largest_loss: float = Field(0.2, gt=0, le=1, description="a directory that loses more than this share is an alarm")
    closes_after: int = Field(2, ge=1, description="a time that was refused so often is not offered any more")
    branches: dict[str, str] = Field(default_factory=dict, description="the MIS's branch → slug of ours, else by name")
    specialties: dict[str, str] = Field(default_factory=dict, description="the MIS's word → slug of ours, else by name")
    statuses: dict[str, VisitStatus] = Field(default_factory=dict, description="the MIS's state → ours")
    options: dict[str, Any] = Field(default_factory=dict, description="for the adapter of this vendor")

    @field_validator("vendor")
    @classmethod
    def _vendor(cls, value: str) -> str:
        if not VENDOR.fullmatch(value):
            raise ValueError("expected the name of an adapter, as fhir_r4")
        return value

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("expected https://host/path without a login in it")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("expected https: only this machine may be called without TLS")
        return value.rstrip("/")

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("expected an IANA name, as Europe/Moscow")
        return value

    @field_validator("tells")
    @classmethod
    def _tells(cls, value: list[str]) -> list[str]:
        known = [kind for kind, one in KINDS.items() if one.about == About.VISIT and kind not in THE_PORTALS]
        if unknown := set(value) - set(known):
            raise ValueError(f"no system can tell {', '.join(sorted(unknown))}; it may tell {', '.join(known)}")
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def secret(self, name: str) -> str:
        """What the file named by `<name>_file` holds; "" when none is named. OSError when it cannot be read."""
        path: Path | None = getattr(self, f"{name}_file")
        return path.read_text(encoding="utf-8").strip() if path else ""


def load(slug: str) -> Mapping:
    """The mapping of an organization. Raises WrongMapping with every mistake found; LookupError when there is none."""
    path = _path(slug)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LookupError(f"{path}: there is no such file") from None
    except OSError as error:
        raise WrongMapping([f"{path}: {error.strerror}"]) from None
    try:
        return Mapping.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise WrongMapping([f"{path}: {_yaml_words(error)}"]) from None
    except ValidationError as error:
        raise WrongMapping(list(_words(path, error))) from None


def _path(slug: str) -> Path:
    if not SLUG.fullmatch(slug):
        raise LookupError("not the slug of an organization")
    return folder() / f"{slug}.yaml"


def folder() -> Path:
    return settings.PORTAL.mis_folder or settings.PORTAL.portal_home / "mis"


def slugs() -> list[str]:
    """The organizations that have a mapping."""
    return sorted(path.stem for path in folder().glob("*.yaml") if SLUG.fullmatch(path.stem))


def _words(path: Path, error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_url=False):
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        yield f"{path.name}: {place}: {problem['msg'].removeprefix('Value error, ')}"


def _yaml_words(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}: {getattr(error, 'problem', 'not YAML')}" if mark else "not YAML"
