"""One conditional GET: what the server said, or why it failed. Only http and https, with limits on time and size."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPException
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

BODY_BYTES_MAX = 5 * 2**20
TIMEOUT_SECONDS = 10.0
USER_AGENT = "feedreader (an example of Procession)"


class FetchFailed(Exception):
    """Why a feed could not be fetched, as a person reads it."""


@dataclass(frozen=True, slots=True)
class Download:
    """`body` is None when nothing changed since `etag` and `last_modified`; `url` is where redirects ended."""

    url: str
    body: bytes | None
    content_type: str
    etag: str
    last_modified: str


def download(url: str, *, etag: str = "", last_modified: str = "") -> Download:
    """GET `url` if it changed since those. Raises FetchFailed."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise FetchFailed("only http and https addresses are fetched")
    headers = {"User-Agent": USER_AGENT, "If-None-Match": etag, "If-Modified-Since": last_modified}
    asked = request.Request(url, headers={name: value for name, value in headers.items() if value})
    try:
        with _opener().open(asked, timeout=TIMEOUT_SECONDS) as response:
            body = response.read(BODY_BYTES_MAX + 1)
            answer = response.headers
            url = response.url
    except HTTPError as error:
        if error.code == 304:
            return Download(url, None, "", etag, last_modified)
        raise FetchFailed(f"the server answered {error.code} {error.reason}") from error
    except URLError as error:
        raise FetchFailed(_words(error.reason)) from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: an address that cannot be parsed
        raise FetchFailed(_words(error)) from error
    if len(body) > BODY_BYTES_MAX:
        raise FetchFailed(f"larger than {BODY_BYTES_MAX // 2**20} MB")
    return Download(url, body, answer.get("Content-Type", ""), answer.get("ETag", ""), answer.get("Last-Modified", ""))


def _words(reason: Exception | str) -> str:
    """The reason alone: `Connection refused`, not `[Errno 111] Connection refused`."""
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__


def _opener() -> request.OpenerDirector:
    """An opener of http and https alone: urllib's own would follow an address to a file of ours."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPRedirectHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener
