"""The MAX messenger's bot API: `POST /messages`, `GET` and `POST /subscriptions`, and what its webhook sends.

Sources: dev.max.ru/docs-api (POST /messages, POST /subscriptions, Update), the schema and the examples of the
vendor's own client (github.com/max-messenger/max-bot-api-client-go), and a contract file of third parties checked
against the live service in September 2026. What matters here:
- the token goes into `Authorization` as it is, without `Bearer`; in the address it is refused;
- the host's certificate comes from the Russian state's authority: it must be on this system's list, which is why
  the system's list is used and not the one that httpx brings;
- 30 requests a second, 2 messages a second in one dialog, 4000 characters; more is 429 and the job comes again;
- there is no field for our own id, so nothing tells after silence whether the message is there;
- the webhook's secret is optional there and obligatory here;
- a webhook without a success for 8 hours is unsubscribed, so `keep_hook` is asked by the clock. What is subscribed
  already stays as it is, so a new secret of ours needs the old subscription removed (`DELETE /subscriptions?url=`).
"""

from __future__ import annotations

import hmac
import json
import ssl
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import httpx

from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports import Accepted
from portal.notifications.ports_chat import (
    BINDING,
    CHAT_ID,
    ChatEvent,
    ChatEventKind,
    is_stop,
    require_binding,
    require_chat_text,
)

if TYPE_CHECKING:
    from portal.settings import Settings

TIMEOUT = httpx.Timeout(connect=3.0, write=5.0, read=10.0, pool=3.0)  # seconds
LINK = "https://max.ru"

# HTTP status of a refusal → our code, permanent, stops the provider, what it means. The statuses are in the schema,
# but for 403 and 404, which public code shows. A bot that has not passed the vendor's check is said to get the same
# 403 `chat.denied` for everybody as from a person who stopped it; any other 403 is not about one person.
REFUSALS: dict[int, tuple[str, bool, bool, str]] = {
    400: ("bad-request", True, False, "the messenger did not understand the request"),
    401: ("wrong-token", False, True, "the messenger does not know the bot's token"),
    403: ("forbidden", False, True, "the messenger does not let the bot write"),
    404: ("no-chat", True, False, "the messenger knows no such dialog"),
    429: ("too-often", False, False, "more messages than the messenger takes in a second"),
    503: ("unavailable", False, False, "the messenger says it is not available"),
}
DENIED = "chat.denied"
BLOCKED = ("blocked", True, False, "the person has stopped the bot, or the messenger holds it back")
WITHOUT_CODE = frozenset({429, 503})  # a proxy before the API may say these

# `dialog_removed` comes together with `bot_stopped`, the other way round not always.
EVENTS = {
    "bot_started": ChatEventKind.STARTED,
    "bot_stopped": ChatEventKind.STOPPED,
    "dialog_removed": ChatEventKind.STOPPED,
}
WRITTEN = "message_created"  # a person wrote: in the update the dialog stands elsewhere than in the others
SUBSCRIBED = [*EVENTS, WRITTEN]

# Raised before the first byte of the request is written: nothing can have happened.
NOT_WRITTEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class MaxSender:
    """A ChatSender. `url` is the origin, `tls` replaces the system's list of authorities. Thread-safe."""

    def __init__(
        self,
        *,
        url: str,
        token: str,
        hook_secret: str = "",
        bot_name: str = "",
        link_url: str = LINK,
        timeout: httpx.Timeout | float = TIMEOUT,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._token = token
        self._hook_secret = hook_secret
        self._bot_name = bot_name
        self._link_url = link_url
        # No proxy, .netrc or redirect may ever see the token.
        self._client = httpx.Client(
            base_url=url,
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            verify=tls or ssl.create_default_context(),
        )

    @classmethod
    def from_settings(cls, portal: Settings) -> Self:
        return cls(
            url=portal.max_url,
            token=portal.max_token,
            hook_secret=portal.max_hook_secret,
            bot_name=portal.max_bot_name,
            link_url=portal.max_link_url,
        )

    def send(self, chat_id: str, text: str, *, key: UUID) -> Accepted:
        """See ChatSender.send. `key` stays here."""
        self._require_account()
        require_chat_text(chat_id, text)
        # By its name `true` keeps their servers from opening our links; the schema says the reverse. Harmless anyway:
        # opening a link of ours changes nothing.
        asked = {"chat_id": chat_id, "disable_link_preview": "true"}
        answer = self._ask("POST", "/messages", asked, {"text": text})
        reference = _inside(answer, "message", "body", "mid")
        if not isinstance(reference, str) or not reference:
            raise PortUnknown(code="bad-answer", detail="no id of the message")
        return Accepted(reference[:255], 1)

    def parse_update(self, body: bytes, secret_header: str) -> ChatEvent | None:
        """See ChatSender.parse_update. Without a secret of ours nothing is believed."""
        if not self._hook_secret or not hmac.compare_digest(self._hook_secret.encode(), secret_header.encode()):
            return None
        try:
            update = json.loads(body)
        except (ValueError, RecursionError):
            return ChatEvent(ChatEventKind.OTHER)
        if _inside(update, "update_type") == WRITTEN:
            return _written(update)
        kind = EVENTS.get(str(_inside(update, "update_type")), ChatEventKind.OTHER)
        chat_id, payload = str(_inside(update, "chat_id")), str(_inside(update, "payload"))
        if kind is ChatEventKind.OTHER or not CHAT_ID.fullmatch(chat_id):
            return ChatEvent(ChatEventKind.OTHER)
        has_binding = kind is ChatEventKind.STARTED and BINDING.fullmatch(payload)
        return ChatEvent(kind, chat_id, payload if has_binding else "")

    def start_link(self, binding: str) -> str:
        """See ChatSender.start_link. `?start=` comes back as `payload`; up to 128 characters, says the schema."""
        require_binding(binding)
        return f"{self._link_url}/{self._bot_name}?start={binding}" if self._bot_name else ""

    def keep_hook(self, url: str) -> bool:
        """See ChatSender.keep_hook."""
        self._require_account()
        if not self._hook_secret:
            raise _not_configured("MAX_HOOK_SECRET is not set")
        known = _inside(self._ask("GET", "/subscriptions"), "subscriptions")
        if any(_inside(one, "url") == url for one in (known if isinstance(known, list) else [])):
            return False
        wanted = {"url": url, "secret": self._hook_secret, "update_types": SUBSCRIBED}
        if not _inside(self._ask("POST", "/subscriptions", body=wanted), "success"):
            raise PortFailure(permanent=False, code="hook-refused", detail="the messenger does not take our address")
        return True

    def _ask(
        self, method: str, path: str, asked: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> object:
        """One request. Raises PortFailure when nothing was taken, PortUnknown when that cannot be told."""
        try:
            response = self._client.request(
                method, path, params=asked, json=body, headers={"Authorization": self._token}
            )
        except NOT_WRITTEN as error:
            raise _unreachable(error) from None
        except httpx.HTTPError as error:
            raise PortUnknown(code="no-answer", detail=type(error).__name__) from None
        return _parsed(response)

    def _require_account(self) -> None:
        # httpx refuses a header that is not ASCII, or has a line break, with an error that quotes it
        if not (self._token and self._token.isascii() and self._token.isprintable()):
            raise _not_configured("MAX_TOKEN is not set")


def _not_configured(detail: str) -> PortFailure:
    return PortFailure(permanent=False, code="not-configured", detail=detail, stops_provider=True)


def _written(update: object) -> ChatEvent:
    """A person's own words in the dialog; in a group the bot listens to nobody."""
    place = _inside(update, "message", "recipient")
    chat_id, text = str(_inside(place, "chat_id")), str(_inside(update, "message", "body", "text"))
    is_ours = _inside(place, "chat_type") == "dialog" and CHAT_ID.fullmatch(chat_id)
    return ChatEvent(ChatEventKind.STOPPED, chat_id) if is_ours and is_stop(text) else ChatEvent(ChatEventKind.OTHER)


def _unreachable(error: Exception) -> PortFailure:
    """A certificate that is not trusted is told apart: it is for the operator to install one."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and len(causes) < 8:
        causes.append(cause)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return PortFailure(
            permanent=False,
            code="tls-failed",
            detail="the messenger's certificate is not trusted here; it comes from the Russian state's authority",
            stops_provider=True,
        )
    return PortFailure(permanent=False, code="unreachable", detail=type(error).__name__, stops_provider=True)


def _parsed(response: httpx.Response) -> object:
    """The JSON of a success. A refusal is one only with the API's own `code`: any web server says 403 and 404."""
    status = response.status_code
    try:
        answer: object = response.json()
    except ValueError:
        answer = None
    if response.is_success and answer is not None:
        return answer
    reason = _inside(answer, "code")
    if status in REFUSALS and (reason or status in WITHOUT_CODE):
        is_blocked = status == httpx.codes.FORBIDDEN and reason == DENIED
        code, permanent, stops, detail = BLOCKED if is_blocked else REFUSALS[status]
        raise PortFailure(permanent=permanent, code=code, detail=detail, stops_provider=stops)
    if response.is_success or response.is_server_error:
        raise PortUnknown(code="bad-answer", detail=f"http {status}")
    raise PortFailure(permanent=False, code=f"http-{status}", detail="not the messenger", stops_provider=True)


def _inside(data: Any, *names: str) -> Any:
    """The value under these names, "" where anything is missing or of another form."""
    for name in names:
        data = data.get(name, "") if isinstance(data, dict) else ""
    return data
