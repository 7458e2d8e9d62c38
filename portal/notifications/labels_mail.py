"""Why an e-mail did not arrive, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NO_MAILBOX = _("there is no such mailbox")
UNCLEAR = _("the mail server takes no messages for this address and does not say why")
REFUSED = _("the mail server refuses our messages: tell whoever looks after the portal")
MAIL_WHY: dict[str, Promise] = {
    "no-mailbox": NO_MAILBOX,
    "no-mail-host": _("mail cannot be delivered to this domain"),
    "mailbox-full": _("the mailbox is full"),
    "mailbox-closed": _("the mailbox is closed"),
    "mail-expired": _("the mail server tried for days and gave up"),
    "mail-refused": REFUSED,
    "mail-unclear": UNCLEAR,
    "mail-returns": _("messages to this address come back: it has to be confirmed again"),
    "smtp-550": UNCLEAR,
    "smtp-551": UNCLEAR,
    "smtp-552": _("the mailbox is full"),
    "smtp-553": UNCLEAR,
    "smtp-554": REFUSED,
    "smtp-556": NO_MAILBOX,
}
