"""A Django site's settings, and its one page. They take a second and a half to load, as sites do."""

import importlib.util
import time

from django.http import HttpRequest, HttpResponse
from django.urls import path

time.sleep(1.5)

ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["procession"] if importlib.util.find_spec("procession") else []
ROOT_URLCONF = "settings"
SECRET_KEY = "no secret: it serves one page to the machine it runs on"
WSGI_APPLICATION = "wsgi.application"


def hello(_: HttpRequest) -> HttpResponse:
    return HttpResponse("hello", headers={"Content-Length": "5"})


urlpatterns = [path("", hello)]
