"""The systemd unit that starts the site's supervisord at boot, and nothing more of it."""

from __future__ import annotations

import math

from procession.engines.files import File
from procession.engines.supervisord import options as where
from procession.engines.supervisord.options import Options
from procession.stack.model import Stack

SPARE_SECONDS = 10  # for supervisord itself, once all programs have ended

UNIT = """\
# At boot: systemctl enable {path}
[Unit]
Description={name}, by supervisord
After=network-online.target
Wants=network-online.target

[Service]
{owner}ExecStart={supervisord} -n -c {folder}/{conf}
ExecReload={supervisorctl} -c {folder}/{conf} update
# All at once: supervisord alone would stop one program after the other, and their times would add up.
ExecStop={supervisorctl} -c {folder}/{conf} stop all
Environment=PYTHONUTF8=1
# supervisord passes the stop on to each program in its own way, and waits; the others are not to be signalled.
KillMode=mixed
TimeoutStopSec={stop_seconds}
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""


def unit(stack: Stack, options: Options) -> File:
    folder = where.directory(stack, options).replace("%", "%%")
    name = f"{stack.name}-supervisord.service"
    user, group = where.owner(stack)
    stop_seconds = max((math.ceil(process.stop_seconds) for process in stack.processes), default=0) + SPARE_SECONDS
    text = UNIT.format(
        name=stack.name,
        path=f"{folder}/{name}",
        folder=folder,
        conf=where.CONF,
        owner="".join(f"{key}={value}\n" for key, value in (("User", user), ("Group", group)) if value),
        supervisord=where.program(options),
        supervisorctl=where.program(options, "supervisorctl"),
        stop_seconds=stop_seconds,
    )
    return File(path=name, text=text)
