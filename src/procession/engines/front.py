"""nginx and Caddy in front of a site: the text of their configuration, for a host and for a container."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from procession.engines.text.fronts import caddy_value, nginx_value
from procession.stack.model import Process

STATIC_SECONDS = 3600  # of files whose names may stay while their content changes
HASHED_SECONDS = 31536000
HTTPS_PORT = 443
DNS_PORT = 53
HASHED = r"\.[0-9a-f]{8,32}\.[a-z0-9]+$"  # as ManifestStaticFilesStorage and whitenoise name them
HASHED_CADDY = rf"\.{'[0-9a-f]' * 8}[0-9a-f]*\.[a-z0-9]+$"  # a brace would be the start of a placeholder


@dataclass(frozen=True, slots=True, kw_only=True)
class Fronted:
    """What is in front of what.

    `upstreams`: addresses of the site ("127.0.0.1:8000", "unix:/run/web.sock"). `resolver`: the name server that knows
    the containers; with it, the one upstream is a name whose addresses change as instances come and go.
    """

    name: str
    upstreams: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    port: int = 80
    static_url: str = "/static/"
    static_root: str = ""  # "" where the site serves its own
    body_bytes: int = 10 * 2**20
    read_seconds: int = 30
    resolver: str = ""
    addresses: tuple[str, ...] = ()  # where it listens; all if empty
    https: bool = True  # Caddy gets certificates for the hosts
    certificate: str = ""  # of TLS, with its key: paths; "" is plain http, or Caddy's own
    key: str = ""
    https_port: int = 443


def read_seconds(process: Process) -> int:
    """Whoever waits longer would be cut off by the next stop: so nobody waits for longer than that gives him."""
    return max(1, math.floor(process.stop[0].seconds))


def nginx(front: Fronted) -> str:
    """One file of `conf.d`: in the context of `http`. Raises ValueError for what nginx cannot say."""
    return "\n".join(_nginx(front)) + "\n"


def caddyfile(front: Fronted) -> str:
    """A Caddyfile. With `https`, Caddy gets certificates for the hosts and leads to it; else plain http."""
    return "\n".join(_caddy(front)) + "\n"


def _nginx(front: Fronted) -> Iterator[str]:
    word = re.sub(r"\W", "_", front.name, flags=re.ASCII)
    yield from _nginx_variables(front, word)
    if front.certificate:
        yield from _nginx_redirect(front)
    yield "server {"
    yield from _nginx_listens(front, front.https_port if front.certificate else front.port)
    yield from _nginx_tls(front)
    yield f"    client_max_body_size {front.body_bytes};"
    if front.resolver:
        yield f"    resolver {front.resolver} valid=1s ipv6=off;"
    yield from _nginx_static(front, word)
    yield ""
    yield "    location / {"
    yield from (f"        {line}" for line in _nginx_proxy(front, word))
    yield "    }"
    yield "}"


def _nginx_redirect(front: Fronted) -> Iterator[str]:
    port = "" if front.https_port == HTTPS_PORT else f":{front.https_port}"
    yield "server {"
    yield from _nginx_listens(front, front.port)
    yield f"    return 301 https://$host{port}$request_uri;"
    yield "}"
    yield ""


def _nginx_listens(front: Fronted, port: int) -> Iterator[str]:
    ssl = " ssl" if front.certificate and port == front.https_port else ""
    for address in front.addresses or ("", "[::]"):
        yield f"    listen {nginx_value(f'{address}:{port}'.removeprefix(':'))}{ssl};"
    yield f"    server_name {' '.join(nginx_value(host) for host in front.hosts) or '_'};"


def _nginx_tls(front: Fronted) -> Iterator[str]:
    if front.certificate:
        yield f"    ssl_certificate {nginx_value(front.certificate)};"
        yield f"    ssl_certificate_key {nginx_value(front.key)};"
        yield "    ssl_protocols TLSv1.2 TLSv1.3;"


def _nginx_variables(front: Fronted, word: str) -> Iterator[str]:
    if not front.resolver:
        yield f"upstream {word} {{"
        for address in front.upstreams:
            # One that does not answer is asked again at once: with few of them, to count it as down makes it worse.
            yield f"    server {nginx_value(address)} fail_timeout=0;"
        yield "}"
        yield ""
    yield f"map $http_upgrade ${word}_connection {{"
    yield "    default upgrade;"
    yield '    "" "";'
    yield "}"
    yield ""
    if front.static_root:
        yield f"map $uri ${word}_age {{"
        yield f"    default {STATIC_SECONDS}s;"
        yield f'    "~{HASHED}" max;'
        yield "}"
        yield ""


def _nginx_static(front: Fronted, word: str) -> Iterator[str]:
    if not front.static_root:
        return
    yield ""
    yield f"    location {nginx_value(front.static_url)} {{"
    yield f"        alias {nginx_value(front.static_root.rstrip('/') + '/')};"
    yield "        access_log off;"
    yield f"        expires ${word}_age;"
    yield "    }"


def _nginx_proxy(front: Fronted, word: str) -> Iterator[str]:
    if front.resolver:  # A variable, so that the name is looked up again and need not be there when nginx starts.
        yield f"set ${word}_site {nginx_value(front.upstreams[0])};"
        yield f"proxy_pass http://${word}_site;"
    else:
        yield f"proxy_pass http://{word};"
    yield "proxy_http_version 1.1;"
    yield "proxy_set_header Host $http_host;"
    yield "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
    yield "proxy_set_header X-Forwarded-Proto $scheme;"
    yield "proxy_set_header Upgrade $http_upgrade;"
    yield f"proxy_set_header Connection ${word}_connection;"
    yield f"proxy_connect_timeout {_connect_seconds(front)}s;"
    yield f"proxy_read_timeout {front.read_seconds}s;"
    yield "proxy_redirect off;"


def _connect_seconds(front: Fronted) -> int:
    """A container that is gone says nothing at all, and its address is still kept for a while: ask the next one."""
    return 1 if front.resolver else 5


def _caddy(front: Fronted) -> Iterator[str]:
    yield f"{', '.join(_caddy_sites(front))} {{"
    if front.addresses:
        yield f"    bind {' '.join(caddy_value(address.strip('[]')) for address in front.addresses)}"
    if front.certificate:
        yield f"    tls {caddy_value(front.certificate)} {caddy_value(front.key)}"
    yield "    request_body {"
    yield f"        max_size {front.body_bytes}B"
    yield "    }"
    if front.static_root:
        yield f"    handle_path {caddy_value(front.static_url.rstrip('/') + '/*')} {{"
        yield f"        root * {caddy_value(front.static_root)}"
        yield from (f"        {line}" for line in _caddy_ages())
        yield "        file_server"
        yield "    }"
    yield "    handle {"
    yield from (f"        {line}" for line in _caddy_proxy(front))
    yield "    }"
    yield "}"


def _caddy_ages() -> Iterator[str]:
    """Only of files that are there: in the middle of a deploy, "not found" is not to be kept for a year."""
    ages = {"hashed": f"public, max-age={HASHED_SECONDS}, immutable", "plain": f"max-age={STATIC_SECONDS}"}
    for name, age in ages.items():
        yield f"@{name} {{"
        yield "    file"
        yield f"    {'not ' if name == 'plain' else ''}path_regexp {HASHED_CADDY}"
        yield "}"
        yield f'header @{name} Cache-Control "{age}"'


def _caddy_sites(front: Fronted) -> list[str]:
    """A name alone is https on 443, with a redirect from http; a scheme says that it is that one alone."""
    if not (front.https and (front.hosts or front.certificate)):
        return [caddy_value(f"http://{host}:{front.port}") for host in front.hosts or ("",)]
    port = "" if front.https_port == HTTPS_PORT and front.hosts else f":{front.https_port}"
    return [caddy_value(f"{host}{port}") for host in front.hosts or ("",)]


def _caddy_proxy(front: Fronted) -> Iterator[str]:
    """What cannot be connected to is tried again for a while: a restart is a pause, not an error."""
    to = "" if front.resolver else " " + " ".join(_caddy_upstream(one) for one in front.upstreams)
    yield f"reverse_proxy{to} {{"
    if front.resolver:
        host, _, port = front.upstreams[0].rpartition(":")
        yield "    dynamic a {"
        yield f"        name {caddy_value(host)}"
        yield f"        port {port}"
        yield f"        resolvers {front.resolver}:{DNS_PORT}"  # Caddy 2.6 knows no default.
        yield "        refresh 1s"
        yield "    }"
    yield "    lb_try_duration 5s"
    yield "    transport http {"
    yield f"        dial_timeout {_connect_seconds(front)}s"
    yield f"        response_header_timeout {front.read_seconds}s"
    yield "    }"
    yield "}"


def _caddy_upstream(address: str) -> str:
    return caddy_value(f"unix/{address.removeprefix('unix:')}" if address.startswith("unix:") else address)
