"""Why an e-mail did not arrive, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NO_MAILBOX = _("there is no such mailbox")
REFUSED = _("the mail server refuses our messages: tell whoever looks after the portal")
MAIL_WHY: dict[str, Promise] = {
    "no-mailbox": NO_MAILBOX,
    "no-mail-host": _("mail cannot be delivered to this domain"),
    "mailbox-full": _("the mailbox is full"),
    "mailbox-closed": _("the mailbox is closed"),
    "mail-expired": _("the mail server tried for days and gave up"),
    "mail-refused": REFUSED,
    "mail-returns": _("messages to this address come back: it has to be confirmed again"),
    "smtp-550": NO_MAILBOX,
    "smtp-551": NO_MAILBOX,
    "smtp-552": _("the mailbox is full"),
    "smtp-553": NO_MAILBOX,
    "smtp-554": REFUSED,
    "smtp-556": NO_MAILBOX,
}
