"""Settings of the feed reader. What a deployment changes comes from the environment, with a default.

PORT           where the site listens (8000)
DATA           the folder for the database, the queue and collected static files (data/ beside manage.py)
DATABASE_URL   sqlite:///... by default; postgres://user:password@host/name
BROKER_URL     filesystem:// by default; redis://host:6379/0
FETCH_SECONDS  how often beat has the feeds fetched (300)
SECRET_KEY, ALLOWED_HOSTS (comma separated), DEBUG=1
"""

import os
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parents[1]
DATA_DIR = Path(os.environ.get("DATA", BASE_DIR / "data"))
PORT = int(os.environ.get("PORT", "8000"))
FETCH_SECONDS = float(os.environ.get("FETCH_SECONDS", "300"))

DEBUG = os.environ.get("DEBUG") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY", "for-trying-the-example-only-set-your-own-in-the-environment")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "feeds",
    "procession",
]
MIDDLEWARE = [
    "procession.django.health.HealthMiddleware",  # /-/live and /-/ready, for `procession health` and other probes
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "feedreader.urls"
WSGI_APPLICATION = "feedreader.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}

# ------------------------------------------------------------------------------------------------------------ database
DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{DATA_DIR}/db.sqlite3", conn_max_age=60)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Several processes share the file: readers go on while one writes (WAL), and a writer waits for its turn from the
    # beginning of its transaction instead of failing in the middle of it (IMMEDIATE).
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }

# -------------------------------------------------------------------------------------------------------------- Celery
CELERY_BROKER_URL = os.environ.get("BROKER_URL", "filesystem://localhost")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_BEAT_SCHEDULE = {"fetch-all": {"task": "feeds.tasks.fetch_all", "schedule": FETCH_SECONDS}}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
if CELERY_BROKER_URL.startswith("filesystem:"):
    QUEUE_DIR = DATA_DIR / "queue"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE_DIR),
        "data_folder_out": str(QUEUE_DIR),
        "control_folder": str(DATA_DIR / "queue-control"),
    }
    QUEUE_DIR.mkdir(parents=True, exist_ok=True)
STATIC_ROOT.mkdir(parents=True, exist_ok=True)

# ---------------------------------------------------------------------------------------------------------- Procession
_CELERY = {"APP": "feedreader.celery.app", "ARGS": {"loglevel": "info"}, "DEPENDS_ON": ["migrate", "seed"]}

PRODUCTION_PROCESSES = {
    "web": {
        "BACKEND": "gunicorn",
        "ARGS": {"bind": f"127.0.0.1:{PORT}", "workers": 2, "access-logfile": "-"},
        "READINESS": {"PATH": "/health/"},
        "DEPENDS_ON": ["migrate", "static"],
    },
    "worker": {**_CELERY, "BACKEND": "celery-worker", "ARGS": {"loglevel": "info", "concurrency": 2}},
    "beat": {**_CELERY, "BACKEND": "celery-beat"},
    "migrate": {"BACKEND": "manage", "ARGS": "migrate --noinput", "TYPE": "task"},
    "static": {"BACKEND": "manage", "ARGS": "collectstatic --noinput", "TYPE": "task"},
    "seed": {"BACKEND": "manage", "ARGS": "seed", "TYPE": "task", "DEPENDS_ON": ["migrate"]},
}

DEVELOPMENT_PROCESSES = {
    "web": {"BACKEND": "runserver", "ENV": {"DEBUG": "1"}, "DEPENDS_ON": ["migrate"]},
    "worker": {**_CELERY, "BACKEND": "celery-worker", "ARGS": {"loglevel": "info", "pool": "solo"}},
    "beat": PRODUCTION_PROCESSES["beat"],
    "migrate": PRODUCTION_PROCESSES["migrate"],
    "seed": PRODUCTION_PROCESSES["seed"],
}
