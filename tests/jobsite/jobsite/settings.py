"""Settings for one task runner at a time, by environment.

JOBS_RUNNER: "celery", "huey", ... JOBS_DATABASE: a SQLite file, or the directory of a PostgreSQL server's socket.
JOBS_REDIS: the path of a Redis server's socket. JOBS_FILES: a directory for Celery's filesystem broker instead.
JOBS_AMQP: the URL of a RabbitMQ for Celery instead.
JOBS_WORDS: the FIFO on which the tasks that Celery's beat or RQ's cron enqueues say what they do, every second or as
often as JOBS_SCHEDULE_SECONDS says.
"""

import os
from pathlib import Path

RUNNER = os.environ["JOBS_RUNNER"]
DATABASE = Path(os.environ["JOBS_DATABASE"])
REDIS = os.environ.get("JOBS_REDIS", "")
FILES = os.environ.get("JOBS_FILES", "")

APPS = {
    "celery": [],
    "django-tasks-db": ["django_tasks", "django_tasks_db"],
    "django-q2": ["django_q"],
    "huey": ["huey.contrib.djhuey"],
    "dramatiq": ["django_dramatiq"],
    "rq": ["django_rq"],
    "procrastinate": ["procrastinate.contrib.django"],
}

SECRET_KEY = "not a secret: this site only ever runs in a test"
USE_TZ = True
ROOT_URLCONF = "jobsite.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["procession", *APPS[RUNNER], "jobs"]

POSTGRES = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": str(DATABASE),
    "NAME": "postgres",
    "USER": os.environ.get("JOBS_DATABASE_USER", ""),
}
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATABASE), "OPTIONS": {"timeout": 30}}
DATABASES = {"default": POSTGRES if DATABASE.is_dir() else SQLITE}

# Celery
CELERY_BROKER_URL = os.environ.get("JOBS_AMQP") or ("filesystem://" if FILES else f"redis+socket://{REDIS}")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
if FILES:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": FILES,
        "data_folder_out": FILES,
        "control_folder": f"{FILES}/control",
        "store_processed": False,
    }
EVERY_SECONDS = float(os.environ.get("JOBS_SCHEDULE_SECONDS", "1"))
CELERY_BEAT_SCHEDULE = {
    "work": {"task": "jobs.tasks.work", "schedule": EVERY_SECONDS, "args": [os.environ["JOBS_WORDS"]]}
}

# The others
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
Q_CLUSTER = {"name": "jobs", "workers": 1, "orm": "default", "poll": 0.1, "timeout": 30, "retry": 60}
HUEY = {
    "huey_class": "huey.RedisHuey",
    "name": "jobs",
    "immediate": False,
    "connection": {"url": f"unix://{REDIS}"},
}
DRAMATIQ_BROKER = {
    "BROKER": "dramatiq.brokers.redis.RedisBroker",
    "OPTIONS": {"url": f"unix://{REDIS}"},
    "MIDDLEWARE": [],
}
RQ_QUEUES = {"default": {"URL": f"unix://{REDIS}"}, "high": {"URL": f"unix://{REDIS}"}}
