"""nginx in front of the site: one file for its `http` block. It is written and checked; others run it."""

from __future__ import annotations

import os

from procession.engines.base import Asked, Engine, Rendering
from procession.engines.files import File
from procession.engines.front import nginx
from procession.engines.fronts.engine import VERBS, look_at, program, refuse, tell
from procession.engines.fronts.options import FrontOptions, directory
from procession.engines.fronts.site import render as render_front
from procession.engines.steps import Command, Put, Steps
from procession.engines.text.fronts import nginx_value
from procession.stack.model import Stack

DRIVEN_BY = "systemctl reload nginx, or nginx -s reload"
MAIN = "check.conf"
CHECK = """\
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {};
}}
"""
NOT_OURS_TO_BIND = "(13: Permission denied)\nnginx: configuration file"  # all is well, but for a port under 1024


def render(stack: Stack, options: FrontOptions) -> Rendering:
    return render_front(stack, options, path=_file(stack), text=nginx)


def check(asked: Asked) -> Steps[None]:
    """`nginx -t` with nothing else around it. Raises Refusal."""
    main = File(path=MAIN, text=CHECK.format(nginx_value(_file(asked.stack))))
    yield Put(asked.directory, main, asked.owner)
    argv = (program("nginx"), "-t", "-e", "stderr", "-p", asked.directory, "-c", os.path.join(asked.directory, MAIN))
    excuse = NOT_OURS_TO_BIND if os.geteuid() else ""
    yield from look_at(Command(argv=argv, looks=True), asked, marks=("[emerg]",), excuse=excuse)


def apply(asked: Asked) -> Steps[None]:
    included = f"with `include {nginx_value(os.path.join(asked.directory, _file(asked.stack)))};` in nginx's http block"
    yield from tell(asked, f"nginx takes it in {included}, and then: {DRIVEN_BY}")


def _file(stack: Stack) -> str:
    return f"{stack.name}.conf"


ENGINE = Engine(
    name="nginx",
    title="nginx",
    options=FrontOptions,
    runs=False,
    render=render,
    directory=lambda stack, options: directory(stack, options, "nginx"),
    check=check,
    apply=apply,
    status=refuse,
    verbs={},
    cannot=dict.fromkeys(VERBS, DRIVEN_BY),
)
