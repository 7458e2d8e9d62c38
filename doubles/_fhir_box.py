"""One running double: its clinic, its orders, and what it was started with."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from doubles._fhir_clinic import nightly, roll, seed
from doubles._fhir_operations import let_go
from doubles._fhir_rest import Clinic
from doubles._fhir_store import Store
from doubles._server import Order, Orders


class KindOrders(Orders):
    """Orders for one kind of request or for any."""

    def take(self, on: str) -> tuple[str, str]:
        with self.lock:
            order: Order | None = next((each for each in self.waiting if each.on in (on, "any")), None)
            kind = order.on if order else on
        return super().take(kind)


@dataclass
class Box:
    """`hold_seconds`: None when there are no operations; `is_plain`: no transactions either."""

    file: str
    zone: ZoneInfo
    token: str
    is_nightly: bool
    hold_seconds: float | None
    is_plain: bool = False
    orders: KindOrders = field(default_factory=KindOrders)
    released: threading.Event = field(default_factory=threading.Event)
    is_down: bool = False
    requests: int = 0

    def __post_init__(self) -> None:
        self.store = Store(self.file, zone=self.zone)
        self.first_day: tuple[date, Store] | None = None
        if seed(self.store):
            self._keep(self.store)

    def count(self) -> None:
        with self.orders.lock:
            self.requests += 1

    def tidy(self, clinic: Clinic) -> None:
        """What time does by itself: the grid rolls on, holds end, ids change at night."""
        roll(self.store)
        let_go(clinic)
        if self.is_nightly:
            nightly(self.store)

    def reset(self) -> None:
        """As on the first day. The copy is made once a day: seeding takes longer than all else here."""
        self.orders.clear()
        self.released.set()
        self.released, self.is_down = threading.Event(), False
        with self.store.lock:
            self.store.offset = 0.0
            self._fresh().db.backup(self.store.db)

    def _fresh(self) -> Store:
        if self.first_day is None or self.first_day[0] != self._today():
            fresh = Store(":memory:", zone=self.zone)
            seed(fresh)
            return self._keep(fresh)
        return self.first_day[1]

    def _keep(self, store: Store) -> Store:
        copy = Store(":memory:", zone=self.zone)
        store.db.backup(copy.db)
        self.first_day = (self._today(), copy)
        return copy

    def _today(self) -> date:
        return self.store.now().astimezone(self.zone).date()
