"""Settings of the tests' site, which tests steer by environment variables: MYSITE_*."""

import json
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[1]
SECRET_KEY = "for tests alone"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"
ASGI_APPLICATION = "mysite.asgi.application"
INSTALLED_APPS = ["mysite", *os.environ.get("MYSITE_APPS", "").split()]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("MYSITE_DATABASE", ":memory:"),
    }
}
PRODUCTION_PROCESSES = json.loads(os.environ.get("MYSITE_PROCESSES", "{}"))

if os.environ.get("MYSITE_BROKEN"):
    raise RuntimeError(os.environ["MYSITE_BROKEN"])
