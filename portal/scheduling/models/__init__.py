"""When: weekly rules → day sheets → slots (computed), the occupancy that nobody may overlap, visits, the queue."""

from portal.scheduling.models.appointment import (
    HOLDS_TIME,
    Appointment,
    AppointmentStatus,
    Awaits,
    CalendarFeed,
    SameDay,
)
from portal.scheduling.models.encounter import Encounter
from portal.scheduling.models.master import MisLine
from portal.scheduling.models.occupancy import Occupancy, ResourceUse
from portal.scheduling.models.ranges import TsTzRange
from portal.scheduling.models.schedule import BookingPolicy, DaySheet, Rule, RuleException, ScheduleHorizon
from portal.scheduling.models.waitlist import FreedTime, WaitlistEntry, WaitlistOffer

__all__ = [
    "HOLDS_TIME",
    "Appointment",
    "AppointmentStatus",
    "Awaits",
    "BookingPolicy",
    "CalendarFeed",
    "DaySheet",
    "Encounter",
    "FreedTime",
    "MisLine",
    "Occupancy",
    "ResourceUse",
    "Rule",
    "RuleException",
    "SameDay",
    "ScheduleHorizon",
    "TsTzRange",
    "WaitlistEntry",
    "WaitlistOffer",
]
