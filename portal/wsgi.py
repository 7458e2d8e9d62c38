"""The pages: a WSGI application for granian (docs/adr: pages are synchronous)."""

import os

from django.core.wsgi import get_wsgi_application

from portal.settings import SERVING, require

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
require(*SERVING)
application = get_wsgi_application()
