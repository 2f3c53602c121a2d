"""nginx and Caddy: their own checkers take what is written, and real ones lead to a site that rolls behind them."""

from __future__ import annotations

import base64
import http.client
import json
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from procession.engines import files
from procession.engines.base import Asked, Engine
from procession.engines.fronts.engine import program
from procession.engines.fronts.options import FrontOptions
from procession.engines.fronts.site import upstream
from procession.engines.registry import engine
from procession.engines.steps import drive
from procession.refusal import Refusal
from procession.stack.model import Stack, Static
from tests.backends.serving import free_port
from tests.console.project import Project, await_true
from tests.e2e.load import Load
from tests.e2e.site import MANAGE, WSGI
from tests.engines.stacks import stack_of

MANY_SECONDS = 600
REQUESTS = 200
NAMES = ["nginx", "caddy"]
WEB = {"BACKEND": "gunicorn", "ARGS": {"bind": "unix:/run/my site/web.sock"}, "STOP_TIMEOUT": 20}
STATIC = Static(url="/static/", root="/srv/my site/static")
SITE = """
SECRET_KEY = "x"
INSTALLED_APPS = ["procession"]
ROOT_URLCONF = "myproject.urls"
WSGI_APPLICATION = "myproject.wsgi.application"
ALLOWED_HOSTS = ["*"]
STATIC_URL = "static/"
STATIC_ROOT = "collected"
PRODUCTION_STACK = {{
    "NAME": "mysite", "ENGINES": {{"{name}": {{"ADDRESSES": ["127.0.0.1"], "PORT": {port}, "BODY": 1000}}}},
}}
PRODUCTION_PROCESSES = {{"web": {web}}}
"""
GUNICORN = {"BACKEND": "gunicorn", "ARGS": {"bind": "unix:web.sock", "workers": 2}}
UVICORN = {"BACKEND": "uvicorn", "APP": "myproject.asgi:application", "ARGS": {"uds": "web.sock"}}
SHOW = """
import json

from django.http import HttpResponse
from django.urls import path

NAMES = ("HTTP_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_FOR")
urlpatterns = [
    path("", lambda request: HttpResponse("hello")),
    path("show", lambda request: HttpResponse(json.dumps([request.META.get(name) for name in NAMES]))),
    path("take", lambda request: HttpResponse(len(request.body))),
]
"""
ASGI = """
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproject.settings")
site = get_asgi_application()


async def application(scope, receive, send):
    if scope["type"] != "websocket":
        return await site(scope, receive, send)
    await send({"type": "websocket.accept"})
    while (said := await receive())["type"] != "websocket.disconnect":
        if "text" in said:
            await send({"type": "websocket.send", "text": said["text"].upper()})
"""
KEY = base64.b64encode(b"x" * 16).decode()
HANDSHAKE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
HELLO = b"\x81\x85\0\0\0\0hello"  # a text frame, final, masked with zeros (RFC 6455, 5.2)
NGINX_MAIN = """\
user root; daemon off; pid nginx.pid; error_log stderr;
events {{}}
http {{
    access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u;
    scgi_temp_path s;
    include {};
}}
"""
CADDY_MAIN = "{{\n    admin off\n}}\nimport {}\n"


def put(directory: Path, tool: Engine, stack: Stack, options: FrontOptions) -> Asked:
    rendering = tool.render(stack, options)
    assert rendering.problems == ()
    files.write(str(directory), rendering.files, files.compare(rendering.files, {}, "me"))
    return Asked(stack=stack, options=options, directory=str(directory), owner="me")


def site(**web: Any) -> Stack:
    return replace(stack_of({"web": {**WEB, **web}}), static=STATIC)


def text_of(name: str, stack: Stack, **said: Any) -> str:
    rendering = engine(name).render(stack, FrontOptions(**said))
    assert rendering.problems == ()
    return rendering.files[0].text


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("tls")
    paths = {"certificate": str(directory / "a cert.pem"), "key": str(directory / "a key.pem")}
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-subj", "/CN=localhost", "-keyout", paths["key"], "-out", paths["certificate"]]
    subprocess.run(argv, check=True, capture_output=True)
    return paths


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "said",
    [
        {},
        {"hosts": ("example.com", "www.example.com")},
        {"hosts": ("example.com",), "https": False, "addresses": ("127.0.0.1", "[::1]"), "port": 8080},
        {"hosts": ("example.com",), "tls": True},
        {"tls": True, "https_port": 8443},
        {"static": False, "timeout_seconds": 90.0},
    ],
)
def test_its_own_checker_takes_it(tmp_path: Path, name: str, said: dict[str, Any], certificate: dict[str, str]) -> None:
    options = FrontOptions(**{key: value for key, value in said.items() if key != "tls"})
    if "tls" in said:
        options = replace(options, certificate=certificate["certificate"], key=certificate["key"])
    tool = engine(name)
    drive(tool.check(put(tmp_path, tool, site(), options)), print)


@pytest.mark.parametrize(("name", "said"), [("nginx", "unknown directive"), ("caddy", "unrecognized directive")])
def test_what_its_checker_refuses_is_a_refusal_with_its_words(tmp_path: Path, name: str, said: str) -> None:
    tool = engine(name)
    asked = put(tmp_path, tool, site(), FrontOptions())
    [file] = tool.render(site(), FrontOptions()).files
    path = tmp_path / file.path
    path.write_text(path.read_text().replace("    client_max_body_size", "    clent").replace("request_body", "clent"))
    with pytest.raises(Refusal, match=said) as refused:
        drive(tool.check(asked), print)
    assert str(tmp_path) not in str(refused.value), "a person never sees where it was checked"


def test_what_a_careful_person_would_say_is_there() -> None:
    nginx, caddy = (text_of(name, site(), hosts=("example.com",)) for name in NAMES)
    for line in (
        'server "unix:/run/my site/web.sock" fail_timeout=0;', "server_name example.com;",
        "proxy_set_header Host $http_host;", "proxy_set_header X-Forwarded-Proto $scheme;",
        "proxy_set_header Upgrade $http_upgrade;", 'alias "/srv/my site/static/";', "client_max_body_size 10485760;",
        "proxy_read_timeout 20s;",
    ):  # fmt: skip
        assert line in nginx
    for line in ("example.com {", 'reverse_proxy "unix//run/my site/web.sock" {', "response_header_timeout 20s"):
        assert line in caddy


@pytest.mark.parametrize(
    ("bind", "asked"),
    [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("[::2]:80", "[::2]:80"), ("unix:/a", "unix:/a")],
)
def test_a_listener_on_every_address_is_asked_on_this_machine(bind: str, asked: str) -> None:
    assert upstream(bind) == asked


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "static", [Static(url="https://cdn.example.com/", root="/srv/static"), Static(url="/static/"), Static(url="/")]
)
def test_static_files_that_somebody_else_serves_are_not_served(name: str, static: Static) -> None:
    assert "/srv/static" not in text_of(name, replace(site(), static=static))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "stack", "where"),
    [
        (FrontOptions(), stack_of({"worker": {"COMMAND": ["true"]}}), ""),
        (FrontOptions(process="worker"), site(), ""),
        (FrontOptions(certificate="/a"), site(), ".certificate"),
        (FrontOptions(static_root="/srv/$x{y}"), site(), ""),
        (FrontOptions(hosts=("a\nb",)), site(), ""),
    ],
)
def test_what_it_cannot_say_is_a_problem(name: str, options: FrontOptions, stack: Stack, where: str) -> None:
    rendering = engine(name).render(stack, options)
    assert [problem.id for problem in rendering.problems] == ["E101"]
    assert rendering.problems[0].where.endswith(where)
    assert rendering.files == ()


class Front:
    """A site on a unix socket, on our own supervisor, and a server in front of it on a port."""

    def __init__(self, project: Project, name: str, web: Mapping[str, Any]) -> None:
        self.project = project
        self.name = name
        self.port = free_port()
        here = project.directory
        (here / "myproject").mkdir()
        (here / "collected").mkdir()
        text = {"__init__": "", "urls": SHOW, "wsgi": WSGI, "asgi": ASGI}
        for module, content in {**text, "settings": SITE.format(name=name, port=self.port, web=web)}.items():
            (here / f"myproject/{module}.py").write_text(content)
        (here / "manage.py").write_text(MANAGE)
        (here / "collected/plain.css").write_text("plain")
        (here / "collected/style.0123456789ab.css").write_text("hashed")

    def get(self, path: str, data: bytes | None = None) -> tuple[int, str, Message]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=60) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, "", error.headers

    def answers(self) -> bool:
        try:
            return self.get("/")[0] == 200
        except OSError:
            return False

    @contextmanager
    def running(self) -> Iterator[None]:
        """The real one, ended by its pid."""
        with subprocess.Popen(self._argv(), env={**self.project.environment(), **self._homes()}) as server:
            try:
                await_true(self.answers, f"{self.name} leads to the site")
                yield
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(MANY_SECONDS)

    def _argv(self) -> list[str]:
        here = self.project.directory / "run"
        here.mkdir()
        path = str(self.project.directory / f"deploy/{self.name}/mysite.{'conf' if self.name == 'nginx' else 'caddy'}")
        main = here / "main.conf"
        main.write_text((NGINX_MAIN if self.name == "nginx" else CADDY_MAIN).format(path))
        if self.name == "nginx":
            return [program("nginx"), "-p", str(here), "-e", "stderr", "-c", str(main)]
        return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(main)]

    def _homes(self) -> dict[str, str]:
        return dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(self.project.directory / "run"))


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.timeout(MANY_SECONDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_site_behind_it(project: Project, name: str) -> None:
    front = Front(project, name, GUNICORN)
    project.ok("up", "-d")
    applied = project.ok("apply", "--engine", name)
    assert "reload" in applied.err, "how it is taken in"
    assert project.ok("apply", "--engine", name).out.endswith("1 file, none changed\n")
    assert "embedded" not in project.ok("status").out + applied.out
    with front.running():
        assert front.get("/")[1] == "hello"
        host, scheme, who = json.loads(front.get("/show")[1])
        assert (host, scheme, who) == (f"127.0.0.1:{front.port}", "http", "127.0.0.1")
        static_files_are_served(front)
        assert front.get("/take", b"x" * 1000)[1] == "1000"
        assert front.get("/take", b"x" * 1001)[0] == 413
        a_roll_behind_it_fails_nobody(front)
    project.ok("down")


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.timeout(MANY_SECONDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_websocket_passes(project: Project, name: str) -> None:
    front = Front(project, name, UVICORN)
    project.ok("up", "-d")
    project.ok("apply", "--engine", name)
    with front.running():
        connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=60)
        connection.request("GET", "/ws", headers=HANDSHAKE)
        with connection.sock.makefile("rwb") as stream:
            assert b" 101 " in stream.readline()
            while stream.readline() != b"\r\n":
                pass
            stream.write(HELLO)
            stream.flush()
            assert stream.read(7) == b"\x81\x05HELLO"
        connection.close()
    project.ok("down")


def static_files_are_served(front: Front) -> None:
    plain, hashed = front.get("/static/plain.css"), front.get("/static/style.0123456789ab.css")
    assert (plain[1], hashed[1]) == ("plain", "hashed")
    assert "max-age=3600" in plain[2]["Cache-Control"]
    assert int(hashed[2]["Cache-Control"].partition("max-age=")[2].partition(",")[0]) >= 31536000
    status, _, headers = front.get("/static/none.0123456789ab.css")
    assert status == 404
    assert "max-age" not in headers.get("Cache-Control", ""), "in the middle of a deploy it may not be there yet"


def a_roll_behind_it_fails_nobody(front: Front) -> None:
    before = front.project.instance("web.1")["pid"]
    with Load(front.port) as load:
        load.go_on(REQUESTS)
        front.project.ok("roll", "web")
        load.go_on(REQUESTS)
    print(f"{front.name}: roll of web: {load.figures()}")
    assert load.figures().lost == 0, load.failures()[:5]
    assert front.project.instance("web.1")["pid"] != before
