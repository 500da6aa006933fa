"""Django's settings, made from `adit.site.env` and nothing else."""

from typing import Any

from adit.site.env import config
from adit.site.keys import derive, secret_keys
from adit.site.state import database_url, django_database, receiver_port

_config = config()
_database_url = database_url(_config)
_keys = secret_keys(_config)

ADIT_HOME = _config.home
ADIT_SPOOL = _config.spool
ADIT_AE_TITLE = _config.ae_title
ADIT_RECEIVER_PORT = receiver_port(_config)
ADIT_NO_PROGRESS = _config.no_progress
ADIT_LEASE = _config.lease
ADIT_HEARTBEAT = _config.heartbeat
ADIT_BUDGET = _config.budget
ADIT_FOLDER_ROOTS = _config.folder_roots
ADIT_SECRET_KEYS = _keys
ADIT_RETRY_WAITS = _config.retry_waits
ADIT_TASK_RETRY_WAITS = _config.task_retry_waits
ADIT_CONCURRENCY = _config.concurrency

DEBUG = _config.debug
SECRET_KEY = derive(_keys[0], "django")
SECRET_KEY_FALLBACKS = [derive(key, "django") for key in _keys[1:]]
# The supervisor asks for the health page as localhost.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", _config.web_host, *_config.allowed_hosts]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "adit.audit",
    "adit.accounts",
    "adit.nodes",
    "adit.projects",
    "adit.jobs",
    "procrastinate.contrib.django",
    "adit.web",
]
AUTH_USER_MODEL = "accounts.User"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "adit.site.urls"
ASGI_APPLICATION = "adit.site.asgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

# Without a database (no DATABASE_URL, nothing running) Django's dummy says so at first use.
DATABASES: dict[str, dict[str, Any]] = {"default": django_database(_database_url)} if _database_url else {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

# Logging is set up by `adit.site.wiring`, once per process.
LOGGING_CONFIG = None
