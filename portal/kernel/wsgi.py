"""The WSGI side of Django, with one difference: every request is read as UTF-8.

Django decodes with whatever codec a Content-Type names, before any middleware runs: `charset=hex` ends in a traceback
nobody catches, `charset=utf-7` in lone surrogates. Here the name is kept and PortalTransaction refuses it.
"""

from __future__ import annotations

from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class PortalRequest(WSGIRequest):
    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}


class PortalHandler(WSGIHandler):
    request_class = PortalRequest


def make_application() -> PortalHandler:
    """What `django.core.wsgi.get_wsgi_application` does."""
    django.setup(set_prefix=False)
    return PortalHandler()
