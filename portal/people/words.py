"""Codes of the directory in words."""

from __future__ import annotations

from django.utils.translation import pgettext


def language_name(code: str) -> str:
    """As in “speaks …”; nothing for a code we have no word for."""
    return {
        "en": pgettext("speaks …", "English"),
        "tt": pgettext("speaks …", "Tatar"),
        "ba": pgettext("speaks …", "Bashkir"),
        "cv": pgettext("speaks …", "Chuvash"),
        "uz": pgettext("speaks …", "Uzbek"),
        "tg": pgettext("speaks …", "Tajik"),
        "kk": pgettext("speaks …", "Kazakh"),
        "hy": pgettext("speaks …", "Armenian"),
        "az": pgettext("speaks …", "Azerbaijani"),
        "de": pgettext("speaks …", "German"),
        "fr": pgettext("speaks …", "French"),
        "tr": pgettext("speaks …", "Turkish"),
    }.get(code, "")
