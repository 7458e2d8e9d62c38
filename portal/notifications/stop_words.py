"""What a person writes to the bot when nothing more is to come, in the languages of our pages."""

STOP_WORDS = frozenset({"stop", "/stop", "стоп"})
