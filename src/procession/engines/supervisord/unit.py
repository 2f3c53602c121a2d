"""The systemd unit that starts the site's supervisord at boot, and nothing more of it."""

from __future__ import annotations

import math
import os
import shlex

from procession.engines.files import File
from procession.engines.supervisord import options as where
from procession.engines.supervisord.options import Options
from procession.engines.text.systemd import systemd_command, systemd_value
from procession.stack.model import Stack

SPARE_SECONDS = 10  # for supervisord itself, once all programs have ended

UNIT = """\
# At boot, as root: {enable}
[Unit]
Description={name}, by supervisord
After=network-online.target
Wants=network-online.target

[Service]
{owner}ExecStart={start}
ExecReload={reload}
# All at once: supervisord alone would stop one program after the other, and their times would add up.
ExecStop={stop}
Environment=PYTHONUTF8=1
# supervisord passes the stop on to each program in its own way, and waits; the others are not to be signalled.
KillMode=mixed
TimeoutStopSec={stop_seconds}
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""


def unit_name(stack: Stack) -> str:
    return f"{stack.name}-supervisord.service"


def enable_at_boot(path: str) -> str:
    """What root is to type. A copy: through a link, as `systemctl enable PATH` makes one, systemd would take whatever
    the user of the directory writes there, `User=root` included.
    """
    name = os.path.basename(path)
    return f"install -m 644 {shlex.quote(path)} /etc/systemd/system/ && systemctl enable {name}"


def unit(stack: Stack, options: Options) -> File:
    """The programs are stopped at the same time, so it is the longest that counts."""
    folder = where.directory(stack, options)
    name = unit_name(stack)
    conf = os.path.join(folder, where.CONF)
    control = (where.program(options, "supervisorctl"), "-c", conf)
    text = UNIT.format(
        name=systemd_value(stack.name),
        enable=enable_at_boot(os.path.join(folder, name)),
        owner=_owner(stack),
        start=systemd_command((where.program(options), "-n", "-c", conf)),
        reload=systemd_command((*control, "update")),
        stop=systemd_command((*control, "stop", "all")),
        stop_seconds=max((math.ceil(one.stop_seconds) for one in stack.processes), default=0) + SPARE_SECONDS,
    )
    return File(path=name, text=text)


def _owner(stack: Stack) -> str:
    user, group = where.owner(stack)
    return "".join(f"{key}={systemd_value(value)}\n" for key, value in (("User", user), ("Group", group)) if value)
