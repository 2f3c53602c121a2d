from feedreader.celery import app as celery_app

__all__ = ("celery_app",)  # imported with Django, so that every process sends its tasks to our broker
