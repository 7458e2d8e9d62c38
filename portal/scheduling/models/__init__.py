"""When: weekly rules → day sheets → slots (computed), the occupancy that nobody may overlap, and the appointment."""

from portal.scheduling.models.appointment import HOLDS_TIME, Appointment, AppointmentStatus, CalendarFeed, SameDay
from portal.scheduling.models.occupancy import Occupancy, ResourceUse
from portal.scheduling.models.ranges import TsTzRange
from portal.scheduling.models.schedule import BookingPolicy, DaySheet, Rule, RuleException, ScheduleHorizon

__all__ = [
    "HOLDS_TIME",
    "Appointment",
    "AppointmentStatus",
    "BookingPolicy",
    "CalendarFeed",
    "DaySheet",
    "Occupancy",
    "ResourceUse",
    "Rule",
    "RuleException",
    "SameDay",
    "ScheduleHorizon",
    "TsTzRange",
]
