"""All settings, typed, read once from the environment.

Every variable `X` may instead be given as `X_FILE`, the path of a file that holds the value (a mounted
secret). A value of the wrong type stops the start with one line that names the variable and what it expects.
The upper half is ours (`Settings`); the lower half is Django's, computed from it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What an operator may set. Names are the environment variables, upper case."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=False)

    portal_home: Path = Field(Path(".portal"), description="a folder for data, keys and logs")
    port: int = Field(8000, ge=1, le=65535, description="a port number from 1 to 65535")
    demo: bool = Field(False, description="true or false: demo accounts and message doubles on this machine")

    database_url: str = Field(
        "", pattern=r"^(postgresql://.+)?$", description="postgresql://app@host:port/name, the run-time role"
    )
    database_owner_url: str = Field(
        "", pattern=r"^(postgresql://.+)?$", description="postgresql://owner@host:port/name, used for migrations only"
    )
    secret_key: str = Field("", description="50 or more random characters")
    kek_uri: str = Field(
        "", pattern=r"^(file://.+)?$", description="file:///path/to/kek.json, the key that wraps all keys"
    )

    public_url: str = Field("", pattern=r"^(https?://[^/]+)?$", description="https://portal.example, without a path")
    live_url: str = Field(
        "", pattern=r"^(https?://[^/]+)?$", description="origin of the live process if not public_url"
    )
    live_port: int = Field(0, ge=0, le=65535, description="port of the live process; 0 means PORT + 1")
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=lambda: ["127.0.0.1", "localhost"], description="host names separated by commas"
    )

    trusted_proxies: int = Field(
        0, ge=0, le=5, description="0 to 5: how many proxies of ours stand before the pages and add X-Forwarded-For"
    )

    sms_vendor: str = Field("smsc", pattern="^(smsc|smsru|exolve)$", description="smsc, smsru or exolve")
    sms_second_vendor: str = Field(
        "", pattern="^(|smsc|smsru|exolve)$", description="takes over when the first is out of order, or nothing"
    )
    smsc_url: str = Field("https://smsc.ru", pattern=r"^https?://[^/]+$", description="origin of the gateway")
    smsc_login: str = Field("", description="login at the gateway")
    smsc_password: str = Field("", description="password at the gateway")
    smsc_sender: str = Field("", max_length=11, description="registered neutral sender name, 3 to 11 latin letters")
    smsru_url: str = Field("https://sms.ru", pattern=r"^https?://[^/]+$", description="origin of the gateway")
    smsru_api_id: str = Field("", description="api_id of the account at the gateway")
    smsru_sender: str = Field("", max_length=11, description="registered neutral sender name, 3 to 11 latin letters")
    exolve_url: str = Field("https://api.exolve.ru", pattern=r"^https?://[^/]+$", description="origin of the gateway")
    exolve_key: str = Field("", description="key of the application at the gateway")
    exolve_sender: str = Field("", max_length=11, description="registered neutral sender name, or a mobile number 79…")
    sms_hook_secret: str = Field(
        "",
        pattern=r"^([A-Za-z0-9_-]{22,86})?$",
        description="22 or more random latin letters, digits, - and _; nothing: SMS providers are not heard",
    )
    email_vendor: str = Field("smtp", pattern="^smtp$", description="smtp")
    smtp_url: str = Field("", pattern=r"^(smtps?://.+)?$", description="smtp://user:password@host:port or smtps://…")
    mail_from: str = Field("", description="address that messages come from")
    mail_return: str = Field(
        "", pattern=r"^([^@\s]+@[^@\s]+)?$", description="address that undelivered mail comes back to; else MAIL_FROM's"
    )
    dkim_selector: str = Field(
        "",
        pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$",
        description="name of the key in DNS; nothing: not signed here",
    )
    dkim_key: str = Field("", description="RSA private key of 2048 bits or more, PEM (DKIM_KEY_FILE)")
    bounces_vendor: str = Field("", pattern="^(imap)?$", description="imap, or nothing: returned mail is not read")
    imap_url: str = Field(
        "",
        pattern=r"^(imaps?://[^/@]+)?$",
        description="imaps://host or imap://host:port of the mailbox of MAIL_RETURN",
    )
    imap_login: str = Field("", description="login of that mailbox")
    imap_password: str = Field("", description="its password (IMAP_PASSWORD_FILE)")
    imap_folder: str = Field("INBOX", description="the folder that reports of mail servers arrive in")

    push_vendor: str = Field("", pattern="^(webpush)?$", description="webpush, or nothing: no web push")
    vapid_private_key: str = Field("", description="P-256 private key, 32 bytes in base64url or PEM")
    vapid_subject: str = Field("", pattern=r"^(mailto:[^@\s]+@[^@\s]+)?$", description="mailto: and an address of ours")
    push_extra_hosts: str = Field(
        "", description="further push services, separated by commas: host names, or http origins of this machine"
    )
    chat_vendor: str = Field("", pattern="^(max)?$", description="max, or nothing: no messenger")
    max_url: str = Field(
        "https://platform-api2.max.ru", pattern=r"^https?://[^/]+$", description="origin of the messenger's bot API"
    )
    max_token: str = Field("", description="the bot's token")
    max_hook_secret: str = Field(
        "", pattern=r"^([A-Za-z0-9_-]{16,256})?$", description="16 to 256 random latin letters, digits, - and _"
    )
    max_link_url: str = Field("https://max.ru", pattern=r"^https?://[^/]+$", description="origin of links to the bot")
    max_bot_name: str = Field("", pattern=r"^[A-Za-z0-9_-]*$", description="the bot's name in links to it")

    mis_folder: Path | None = Field(
        None, description="folder of one mapping a clinic, <slug>.yaml; else the folder mis of PORTAL_HOME"
    )

    mis_lease_seconds: int = Field(
        60,
        ge=3,
        description="3 or more: what a worker that died was doing with a clinic's system is taken up after so long;"
        " more than the read and write timeouts of a mapping together",
    )
    looks_per_ten_minutes: int = Field(
        3000, ge=100, description="100 or more: how often one network may ask for free times in ten minutes"
    )
    holds_per_ten_minutes: int = Field(
        60,
        ge=10,
        description="10 or more: how many times one network may hold in ten minutes; in a day seven times that",
    )
    codes_per_network_hour: int = Field(
        100, ge=1, description="1 or more: how many one-time codes one network (/24, IPv6 /56) may ask for in an hour"
    )
    codes_per_network_day: int = Field(500, ge=1, description="1 or more: the same in a day")
    sms_codes_usual: int = Field(
        200, ge=1, description="1 or more: so many codes by SMS an hour are never unusual, however quiet it has been"
    )
    sms_codes_per_hour: int = Field(1000, ge=1, description="1 or more: never more codes by SMS in an hour")
    sms_codes_per_day: int = Field(5000, ge=1, description="1 or more: never more codes by SMS in a day")
    sms_countries: str = Field(
        "+79",
        pattern=r"^\+[1-9]\d{0,5}(,\+[1-9]\d{0,5})*$",
        description="beginnings of the numbers that codes may go to, separated by commas: +79 or +79,+77",
    )
    message_lease_seconds: int = Field(
        60, ge=3, description="3 or more: a message whose worker died is taken up again after so long"
    )
    message_ask_seconds: int = Field(
        60, ge=1, description="1 or more: how long after silence the provider is asked what became of a message"
    )
    job_stalled_seconds: int = Field(
        15, ge=2, le=3600, description="2 to 3600: a worker silent for so many seconds is dead, its jobs run again"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR")


def _values_from_files() -> dict[str, str]:
    values = {}
    for name in Settings.model_fields:
        path = os.environ.get(f"{name.upper()}_FILE")
        if path:
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                print(f"{name.upper()}_FILE: cannot read {path}: {error.strerror}", file=sys.stderr)
                raise SystemExit(2) from None
    return values


def load() -> Settings:
    """Read the environment; on a wrong value exit with status 2 and one line per variable."""
    values = _values_from_files()
    hosts = values.get("allowed_hosts", os.environ.get("ALLOWED_HOSTS"))
    extra: dict[str, Any] = {"allowed_hosts": [h.strip() for h in hosts.split(",") if h.strip()]} if hosts else {}
    try:
        return Settings(**{**values, **extra})
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0])
            expects = Settings.model_fields[name].description if name in Settings.model_fields else problem["msg"]
            print(f"{name.upper()}: expected {expects}.", file=sys.stderr)
        raise SystemExit(2) from None


def require(*names: str) -> None:
    """For processes that serve people: exit with status 2 and one line per setting that has no value."""
    missing = [name for name in names if not getattr(portal, name)]
    for name in missing:
        print(f"{name.upper()}: expected {Settings.model_fields[name].description}.", file=sys.stderr)
    if missing:
        raise SystemExit(2)


portal = load()
SERVING = ("database_url", "secret_key", "kek_uri")


def _database(url: str) -> dict[str, Any]:
    """A Django database entry for `postgresql://user:pw@host:port/name?host=/socket/dir`."""
    parts = urlsplit(url or "postgresql://app@127.0.0.1:5432/portal")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or (parts.hostname or ""),
        "PORT": str(parts.port or query.pop("port", "") or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"server_side_binding": True, "prepare_threshold": 5, **query},
    }


DATABASES = {"default": _database(portal.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

PORTAL = portal
KEK_URI = portal.kek_uri
SECRET_KEY = portal.secret_key or "unset"
DEBUG = False
ALLOWED_HOSTS = portal.allowed_hosts
PUBLIC_URL = portal.public_url or f"http://127.0.0.1:{portal.port}"
LIVE_URL = portal.live_url or f"http://127.0.0.1:{portal.live_port or portal.port + 1}"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
IS_TLS = PUBLIC_URL.startswith("https://")

ROOMS = ["people", "scheduling", "notifications", "mis", "web"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "procrastinate.contrib.django",
    "django_htmx",
    "csp",
    "portal.kernel",
    *[f"portal.{room}" for room in ROOMS],
]
MIDDLEWARE = [
    "portal.kernel.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.kernel.middleware.PortalTransaction",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "portal.web.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["portal.web.templatetags.look"],
            "context_processors": [
                "django.template.context_processors.request",
                "portal.web.context.page",
            ],
        },
    }
]
SILENCED_SYSTEM_CHECKS: list[str] = []

ACTOR_RESOLVER = "portal.people.actors.actor_of"

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # its sign-in views are not mounted
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = None  # addresses are encrypted in our own tables; allauth keeps second factors only
MFA_ADAPTER = "portal.people.mfa.SealedMfaAdapter"
LOGIN_URL = "people:sign-in"

SESSION_ENGINE = "portal.people.sessions"
SESSION_COOKIE_NAME = "portal_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_TLS
SESSION_COOKIE_AGE = 12 * 3600  # absolute; idle limits are per role, people/sessions.py
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
CSRF_FAILURE_VIEW = "portal.kernel.errors.csrf_failure"
CSRF_COOKIE_NAME = "portal_csrf"

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31536000 if IS_TLS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_TLS else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'"],
        "connect-src": ["'self'", *([LIVE_URL] if LIVE_URL != PUBLIC_URL else [])],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
FILE_UPLOAD_HANDLERS: list[str] = []  # no page takes a file yet: what is sent all the same is never put on the disk

LANGUAGE_CODE = "ru"
LANGUAGES = [("ru", "Русский"), ("en", "English")]
LANGUAGE_COOKIE_NAME = "portal_lang"
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = portal.portal_home.resolve() / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

SMS_ADAPTERS = {
    "smsc": "portal.adapters.sms.smsc.SmscSender",
    "smsru": "portal.adapters.sms.smsru.SmsRuSender",
    "exolve": "portal.adapters.sms.exolve.ExolveSender",
}
PORT_ADAPTERS = {
    "sms": SMS_ADAPTERS,
    "sms_second": SMS_ADAPTERS | {"": "portal.notifications.ports.SmsOff"},
    "email": {"smtp": "portal.adapters.email.smtp.SmtpSender"},
    "push": {
        "": "portal.notifications.ports_push.PushOff",
        "webpush": "portal.adapters.push.webpush.WebPushSender",
    },
    "bounces": {
        "": "portal.notifications.ports_mail.ReturnsOff",
        "imap": "portal.adapters.email.imap.ImapReturns",
    },
    "chat": {"": "portal.notifications.ports_chat.ChatOff", "max": "portal.adapters.chat.max.MaxSender"},
}
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # used by adapters/email only

LOGGING_CONFIG = "portal.kernel.logs.configure"
LOGGING = {"level": portal.log_level}
