"""Commands of scheduling, one verb a file."""

from portal.scheduling.services.book import book_appointment
from portal.scheduling.services.cancel import cancel_appointment
from portal.scheduling.services.hold import hold_time, release_hold
from portal.scheduling.services.sheets import write_sheets

__all__ = ["book_appointment", "cancel_appointment", "hold_time", "release_hold", "write_sheets"]
