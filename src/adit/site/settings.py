"""Django's settings, made from `adit.site.env` and nothing else."""

from typing import Any
from urllib.parse import urlsplit

import dj_email_url

from adit.site.demo.breaking import Breaking
from adit.site.demo.cast import PEOPLE
from adit.site.env import config
from adit.site.keys import derive, secret_keys
from adit.site.state import database_url, django_database, excluded_modalities, receiver_port
from adit.site.static_files import static_url

_config = config()
_database_url = database_url(_config)
_keys = secret_keys(_config)

ADIT_HOME = _config.home
ADIT_SPOOL = _config.spool
ADIT_AE_TITLE = _config.ae_title
ADIT_RECEIVER_PORT = receiver_port(_config)
ADIT_RECEIVER_PLAIN = _config.receiver_plain
ADIT_RECEIVER_TLS_PORT = _config.receiver_tls_port if _config.receiver_tls_certificate else None
ADIT_NO_PROGRESS = _config.no_progress
ADIT_LEASE = _config.lease
ADIT_HEARTBEAT = _config.heartbeat
ADIT_BUDGET = _config.budget
ADIT_FOLDER_ROOTS = _config.folder_roots
ADIT_SECRET_KEYS = _keys
ADIT_EXCLUDED_MODALITIES = excluded_modalities(_config)
ADIT_RETRY_WAITS = _config.retry_waits
ADIT_TASK_RETRY_WAITS = _config.task_retry_waits
ADIT_CONCURRENCY = _config.concurrency
ADIT_BATCH_FILE_BYTES = _config.batch_file_bytes
ADIT_REQUIRE_ETHICS_NUMBER = _config.require_ethics_number

ADIT_DEMO = _config.demo
ADIT_DEMO_PEOPLE = PEOPLE if _config.demo else ()
ADIT_DEMO_BREAKING = Breaking(_config) if _config.demo else None
ADIT_PUBLIC_URL = _config.public_url
ADIT_SENDS_MAILS = bool(_config.email_url)
ADIT_ADMIN_EMAILS = _config.admin_emails
ADIT_MAIL_FAILED_JOBS = _config.mail_failed_jobs
ADIT_SESSION_LONGEST = _config.session_longest
ADIT_BEHIND_PROXY = _config.behind_proxy

DEBUG = _config.debug
SECRET_KEY = derive(_keys[0], "django")
SECRET_KEY_FALLBACKS = [derive(key, "django") for key in _keys[1:]]
_public = urlsplit(_config.public_url)
# The supervisor asks for the health page as localhost.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", _config.web_host, *_config.allowed_hosts]
if _public.hostname:
    ALLOWED_HOSTS.append(_public.hostname)
    CSRF_TRUSTED_ORIGINS = [_config.public_url]

INSTALLED_APPS = [
    # Before the apps whose templates it replaces.
    "adit.web",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "adit.web.apps.BrowsingConfig",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "django_htmx",
    "template_partials",
    "adit.audit",
    "adit.accounts",
    "adit.nodes",
    "adit.projects",
    "adit.jobs",
    "procrastinate.contrib.django",
]
AUTH_USER_MODEL = "accounts.User"
# Procrastinate imports every module of this name; `adit.web.jobs.tasks` is not one of its.
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "adit.web.serving.StaticFiles",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "adit.web.doors.visits.VisitMiddleware",
    "adit.web.doors.closed.NoticeMiddleware",
]
ROOT_URLCONF = "adit.site.urls"
ASGI_APPLICATION = "adit.site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "adit.web.frame.frame",
            ],
            "builtins": ["adit.web.templatetags.ui", "template_partials.templatetags.partials"],
        },
    }
]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

STATIC_URL = static_url(_config)
STATIC_ROOT = None
# Found where they lie: nothing has to be collected before a start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0
# Their address changes with them.
WHITENOISE_IMMUTABLE_FILE_TEST = lambda _path, _url: not DEBUG  # noqa: E731  whitenoise calls it
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# Log-in.
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "adit.web.people.registration.Registration"
ACCOUNT_FORMS = {"login": "adit.web.people.registration.LogIn"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_SUBJECT_PREFIX = "ADIT: "
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_RATE_LIMITS = {
    "login_failed": "20/5m/ip,5/5m/key",
    "signup": "20/h/ip",
    "reset_password": "20/h/ip,5/h/key",
    "receipt": "30/m/ip",
}
USERSESSIONS_TRACK_ACTIVITY = True
# Shared by all web processes: it counts failed log-ins.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "web_cache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = _config.session_idle
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
SESSION_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if _public.scheme == "https" else 0
# Only a proxy that says how it was asked can be told from one that was asked without TLS.
SECURE_SSL_REDIRECT = _public.scheme == "https" and _config.behind_proxy
# The supervisor asks without.
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
# W005, W021: what other hosts below the domain do is not ours to say. W008: see above.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
if _config.behind_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

_mail: dict[str, Any] = dj_email_url.parse(_config.email_url or "dummy:")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"], _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail["EMAIL_USE_TLS"], _mail["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _config.email_from

# Without a database (no DATABASE_URL, nothing running) Django's dummy says so at first use.
DATABASES: dict[str, dict[str, Any]] = {"default": django_database(_database_url)} if _database_url else {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

# Logging is set up by `adit.site.wiring`, once per process.
LOGGING_CONFIG = None
