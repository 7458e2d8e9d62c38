"""How ranges are written, in constraints and indexes alike."""

from __future__ import annotations

from django.contrib.postgres.fields import RangeBoundary
from django.db.models import F, Func


class TsTzRange(Func):
    """[start, end) of a row, for constraints and indexes."""

    function = "tstzrange"

    def __init__(self) -> None:
        super().__init__(F("start"), F("end"), RangeBoundary())
