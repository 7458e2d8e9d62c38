"""Hand-written SQL of notifications."""

from django.db import connection


def next_sequence() -> int:
    """Our own number of a message at the gateway, 1…2147483647; never given twice until the sequence goes round."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('notifications_sequence')")
        (number,) = cursor.fetchone() or (0,)
    return int(number)
