"""As Celery's guide for Django has it: the application is imported here, so every process finds the broker."""

import os

if os.environ.get("JOBS_RUNNER") == "celery":
    from jobsite.celery import app as celery_app

    __all__ = ("celery_app",)
