"""All settings of the site, read from the environment."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import django_stubs_ext
from bootstrap_wrapper import get_bootstrap_dir
from django.utils.csp import CSP
from environs import Env, validate

from project.environment import at_least_zero, database, mailers, positive, read, secret_key, upload_storage
from project.logs import FORMATS, configuration

django_stubs_ext.monkeypatch()

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = read(env.path, "DATA_DIR", BASE_DIR / "var").absolute()

DEBUG = read(env.bool, "DEBUG", default=False)
SECRET_KEY = secret_key(env, DATA_DIR)
HTTPS = read(env.bool, "HTTPS", default=False)
# How many proxies in front add an address to X-Forwarded-For; what stands before theirs anybody may have written.
PROXY_COUNT = at_least_zero(env, "PROXY_COUNT", int(HTTPS))
HOST = read(env.str, "HOST", "127.0.0.1")
ALLOWED_HOSTS = read(env.list, "ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", HOST])
CSRF_TRUSTED_ORIGINS: list[str] = read(env.list, "CSRF_TRUSTED_ORIGINS", [])
REGISTRATION_OPEN = read(env.bool, "REGISTRATION_OPEN", default=False)
METRICS_TOKEN = read(env.str, "METRICS_TOKEN", "")
LOG_FORMAT: str = read(partial(env.str, validate=validate.OneOf(FORMATS)), "LOG_FORMAT", "text")
LOG_REQUESTS = read(env.bool, "LOG_REQUESTS", default=False)
WORKERS = positive(env, "WORKERS", 2)
IMPORT_MAX_BYTES = positive(env, "IMPORT_MAX_BYTES", 50 * 1024 * 1024)
IMPORT_RETENTION_DAYS = positive(env, "IMPORT_RETENTION_DAYS", 30)
IMPORT_HISTORY_DAYS = at_least_zero(env, "IMPORT_HISTORY_DAYS", 0)
IMPORT_MAX_ACTIVE = positive(env, "IMPORT_MAX_ACTIVE", 500)
IMPORT_MAX_PER_HOUR = positive(env, "IMPORT_MAX_PER_HOUR", 1000)
IMPORT_MAX_STORED_BYTES = positive(env, "IMPORT_MAX_STORED_BYTES", 1024 * 1024 * 1024)
IMPORT_MIN_FREE_BYTES = at_least_zero(env, "IMPORT_MIN_FREE_BYTES", 200 * 1024 * 1024)
MAILERS = mailers(env)
IMPORT_EMAIL = bool(MAILERS)
# A site without mail is fine: whatever sends some asks IMPORT_EMAIL first.
SILENCED_SYSTEM_CHECKS = ["mail.W001"]
DEFAULT_FROM_EMAIL = read(env.str, "DEFAULT_FROM_EMAIL", "cairn@localhost")

INSTALLED_APPS = [
    "project",
    "bookmarks",
    "imports",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "django_q",
]

MIDDLEWARE = [
    "project.middleware.request_log",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

DATABASES = {"default": database(env, DATA_DIR)}

STATIC_URL = "static/"
STATIC_ROOT = read(env.path, "STATIC_DIR", DATA_DIR / "static").absolute()
STATICFILES_DIRS = [BASE_DIR / "static", ("bootstrap", get_bootstrap_dir())]
MEDIA_ROOT = DATA_DIR / "uploads"
STORAGES = {
    "default": upload_storage(env),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "project.static_files.StaticFiles"
    },
}
# An upload beyond this is spooled to disk by Django, so that no request holds a file in memory.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# How often, and by whom, a password may be guessed: project/throttling.py.
AXES_HANDLER = "project.throttling.ThrottlingHandler"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address", "username"]
AXES_CLIENT_IP_CALLABLE = "project.throttling.client_address"
AXES_LOCKOUT_CALLABLE = "project.throttling.locked_out"
# Else whoever keeps trying would keep a person locked out for ever.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# The log names the address, as a firewall may want to know; what stood in the field of the name may be a password.
AXES_SENSITIVE_PARAMETERS = ["username"]

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "bookmarks:list"
LOGOUT_REDIRECT_URL = "login"

SECURE_CSP = {
    "default-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],  # Bootstrap's stylesheet draws its icons from data: URLs
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "object-src": [CSP.NONE],
}
SECURE_REFERRER_POLICY = "same-origin"
SESSION_ENGINE = "project.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = at_least_zero(env, "HSTS_SECONDS", 31536000) * HTTPS
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
# These are asked from the machine itself or its network, behind the proxy.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]

LANGUAGE_CODE = "en"
# Each under the name by which its speakers call it.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
LOCALE_PATHS = [BASE_DIR / "project" / "locale"]

# A task that takes longer is ended (reading a large file is given more), and a message that was fetched but not
# acknowledged comes again after RETRY_SECONDS.
TASK_SECONDS = 45
RETRY_SECONDS = 180

# Why each of these numbers: docs/architecture.md, "Queue and claims".
Q_CLUSTER = {
    "name": "cairn",
    "orm": "default",
    "workers": WORKERS,
    "queue_limit": 1,
    "bulk": 1,
    "poll": 0.1,
    "timeout": TASK_SECONDS,
    "retry": RETRY_SECONDS,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    "catch_up": False,
    "recycle": 200,
    "max_rss": 300_000,
    "guard_cycle": 0.5,
    "label": "Queue",
}

LOGGING = configuration(LOG_FORMAT)
