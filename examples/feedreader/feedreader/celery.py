"""The site's Celery application: `feedreader.celery.app`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "feedreader.settings")

app = Celery("feedreader")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
