"""What the tests' site answers. A long request says on a FIFO that it has arrived, so that no test must guess."""

import os
import time

from django.http import HttpRequest, HttpResponse, JsonResponse


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def about(request: HttpRequest) -> HttpResponse:
    """Which process answers, and what the server told it of the request."""
    return JsonResponse(
        {
            "pid": os.getpid(),
            "parent": os.getppid(),
            "host": request.get_host(),
            "port": request.META.get("SERVER_PORT"),
            "remote": request.META.get("REMOTE_ADDR"),
            "scheme": request.scheme,
        }
    )


def slow(request: HttpRequest) -> HttpResponse:
    """Writes a line to the FIFO `say`, then works for `seconds`."""
    _say(request.GET["say"])
    time.sleep(float(request.GET.get("seconds", "1")))
    return HttpResponse("done")


def held(request: HttpRequest) -> HttpResponse:
    """Writes a line to the FIFO `say`, then waits until a writer of the FIFO `until` has closed it."""
    _say(request.GET["say"])
    with open(request.GET["until"], "rb") as until:
        until.read()
    return HttpResponse("done")


def _say(fifo: str) -> None:
    with open(fifo, "wb", buffering=0) as out:
        out.write(b"arrived\n")
