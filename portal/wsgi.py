"""The pages: a WSGI application for granian (docs/adr: pages are synchronous)."""

import os

from portal.kernel.wsgi import make_application
from portal.settings import SERVING, require

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
require(*SERVING)
application = make_application()
