"""POST over http and https: one request, no redirect, no more than a few words of the answer."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message as Headers

from procession import __version__

TIMEOUT_SECONDS = 15.0
SIGNATURE = "X-Procession-Signature"
SAID_BYTES_MAX = 200


class NotTaken(Exception):
    """The other side did not take it; the text says why, and holds no part of the address but its host."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A message goes to whom it was addressed, and to nobody whom that one names."""

    def redirect_request(self, *_: object) -> None:
        return None


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Raises NotTaken."""
    agent = {"User-Agent": f"procession/{__version__}"}
    request = urllib.request.Request(url, data=body, headers={**agent, **headers}, method="POST")
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS):
            return
    except urllib.error.HTTPError as error:
        raise NotTaken(_answered(error.code, error.headers, error.read(SAID_BYTES_MAX))) from error
    except urllib.error.URLError as error:
        raise NotTaken(_reason(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotTaken(_reason(error)) from error


def post_json(url: str, body: bytes, secret: str) -> None:
    """Signed, where there is a secret: `sha256=HEX`, HMAC of the body. Raises NotTaken."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if secret:
        headers[SIGNATURE] = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    post(url, body, headers)


def _answered(status: int, headers: Headers, body: bytes) -> str:
    if 300 <= status < 400:
        return f"it answered {status}, a redirect, which is not followed: write the address that it leads to"
    said = " ".join(body.decode("utf-8", "replace").split())
    is_words = headers.get_content_maintype() == "text" and headers.get_content_subtype() == "plain"
    return f"it answered {status}: {said}" if said and is_words else f"it answered {status}"


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_SECONDS:g} s"
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return words[:1].lower() + words[1:]
