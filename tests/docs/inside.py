"""python -m tests.docs.inside PAGE: follow a page where it may do as it pleases, in a machine that a test has booted.

There everything is where the page says: /srv/mysite, its user, /etc/systemd. Only ports are others, since the network
is that of all, and the site's virtual environment is that of the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.backends.serving import free_port
from tests.docs.machine import RELOAD, make_site
from tests.docs.moving import move
from tests.docs.page import ROOT, blocks
from tests.docs.reader import Reader

SITE = Path("/srv/mysite")
ENVIRONMENT = Path(sys.executable).parents[1]
NGINX = "/usr/sbin/nginx"


def from_systemd(page: Path) -> None:
    """Three units of theirs run, behind nginx; there are people at the site meanwhile."""
    run("useradd", "--create-home", "mysite")
    make_site(SITE)
    (SITE / ".venv").symlink_to(ENVIRONMENT)
    run("chown", "-R", "mysite:", str(SITE))
    front = free_port()
    move(reader(front), blocks(page), front, begin=begin, end=lambda: None)


def begin() -> None:
    Path("/etc/nginx/sites-enabled/default").unlink(missing_ok=True)
    nginx = Path("/usr/local/bin/nginx")
    nginx.write_text(RELOAD.format(program=NGINX, pid="/run/nginx.pid"))
    nginx.chmod(0o755)
    run("systemctl", "daemon-reload")
    run("systemctl", "start", "mysite-web", "mysite-worker", "mysite-beat", "nginx")


def reader(front_port: int) -> Reader:
    words = (
        ("sudo -iu ", "sudo -iu "),
        ("sudo -u mysite ", "runuser -u mysite -- "),
        ("sudo ", ""),
        ("listen 80;", f"listen 127.0.0.1:{front_port};"),
        ("http://mysite.example/", f"http://127.0.0.1:{front_port}/"),
        ("8001", str(free_port())),
    )
    variables = {"PATH": f"/usr/local/bin:{ENVIRONMENT / 'bin'}:/usr/sbin:/usr/bin:/bin"}
    return Reader(Path("/root"), free_port(), variables, installs=False, words=words)


def run(*command: str) -> None:
    subprocess.run(command, check=True)


PAGES: Mapping[str, Callable[[Path], None]] = {
    "docs/how-to/from-systemd.md": from_systemd,
}


if __name__ == "__main__":
    os.chdir("/")
    PAGES[sys.argv[1]](ROOT / sys.argv[1])
