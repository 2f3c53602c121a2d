"""python -m tests.docs.inside PAGE: follow a page where it may do as it pleases, in a machine that a test has booted.

There everything is where the page says: /srv/mysite, its user, /etc/systemd. Only ports are others, since the network
is that of all, and the site's virtual environment is that of the tests.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.backends.serving import free_port
from tests.console.project import await_true
from tests.docs.machine import RELOAD, make_site
from tests.docs.moving import CLIENTS, MORE, move
from tests.docs.page import ROOT, blocks
from tests.docs.reader import Reader
from tests.e2e.load import Load

SITE = Path("/srv/mysite")
ENVIRONMENT = Path(sys.executable).parents[1]
NGINX = "/usr/sbin/nginx"
WHEEL = {
    "METADATA": "Metadata-Version: 2.1\nName: procession\nVersion: 0.1.0\n"
    "Provides-Extra: gunicorn\nProvides-Extra: celery\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: the tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "entry_points.txt": "[console_scripts]\nprocession = procession.console.main:command\n",
    "RECORD": "",
}


def from_systemd(page: Path) -> None:
    """Three units of theirs run, behind nginx; there are people at the site meanwhile."""
    run("useradd", "--create-home", "mysite")
    make_site(SITE)
    (SITE / ".venv").symlink_to(ENVIRONMENT)
    run("chown", "-R", "mysite:", str(SITE))
    front = free_port()
    move(reader(front, free_port()), blocks(page), front, begin=begin, end=lambda: None)


def begin() -> None:
    Path("/etc/nginx/sites-enabled/default").unlink(missing_ok=True)
    nginx = Path("/usr/local/bin/nginx")
    nginx.write_text(RELOAD.format(program=NGINX, pid="/run/nginx.pid"))
    nginx.chmod(0o755)
    run("systemctl", "daemon-reload")
    run("systemctl", "start", "mysite-web", "mysite-worker", "mysite-beat", "nginx")


def without_sudo(page: Path) -> None:
    """Their own machine and the site's are one, with sshd between them; there are people at the site from the first."""
    ssh_port, port = free_port(), free_port()
    begin_ssh(ssh_port)
    offer_procession()
    project = Path("/root/mysite")
    make_site(project)
    (project / "requirements.txt").write_text("procession[gunicorn,celery]\n")
    here = reader(free_port(), port)
    here.directory = project
    rest = iter(blocks(page))
    for block in rest:
        here.follow(block)
        if block.title == "mysite/settings.py":
            commit(project)
        if "useradd" in block.text:
            let_in("mysite")
        if "systemctl start" in block.text and block.language == "console":
            break
    with Load(port, clients=CLIENTS) as load:
        for block in rest:
            here.follow(block)
        load.go_on(MORE)
    assert not load.failures(), load.failures()
    survive_without_first_release()


def one_machine(page: Path) -> None:
    """A machine with nothing on it but Debian's packages; Caddy signs its certificates itself, for `localhost`."""
    here, port, https_port = reader(free_port(), free_port()), free_port(), free_port()
    here.add_words(
        ('"HOSTS": ["mysite.example"]', f'"HOSTS": ["localhost"], "PORT": {port}, "HTTPS_PORT": {https_port}'),
        ("https://mysite.example/", f"https://localhost:{https_port}/"),
        ("mysite.example", "localhost"),
    )
    for block in blocks(page):
        here.follow(block)
        if "useradd" in block.text:
            (SITE / ".venv").symlink_to(ENVIRONMENT)


def commit(project: Path) -> None:
    run("git", "-C", str(project), "init", "--quiet", "--initial-branch=main")
    run("git", "-C", str(project), "add", ".")
    run(
        "git",
        "-C",
        str(project),
        "-c",
        "user.name=Me",
        "-c",
        "user.email=me@mysite.example",
        "commit",
        "--quiet",
        "-m",
        "The site",
    )


def begin_ssh(port: int) -> None:
    Path("/run/sshd").mkdir(exist_ok=True)
    run("ssh-keygen", "-A")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519")
    Path("/root/.ssh/config").write_text(
        f"Host mysite.example\nHostName 127.0.0.1\nPort {port}\n"
        "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n"
    )
    let_in("root")
    run("/usr/sbin/sshd", "-p", str(port), "-o", "ListenAddress=127.0.0.1")


def let_in(user: str) -> None:
    """The key of who deploys is one that this user lets in."""
    home = Path(f"~{user}").expanduser()
    (home / ".ssh").mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile("/root/.ssh/id_ed25519.pub", home / ".ssh/authorized_keys")
    run("chown", "-R", f"{user}:", str(home / ".ssh"))


def offer_procession() -> None:
    """To pip: a wheel of that name, which leads to the environment of the tests. No index is asked."""
    wheel = Path("/srv/wheels/procession-0.1.0-py3-none-any.whl")
    wheel.parent.mkdir()
    packages = sysconfig.get_path("purelib")
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr("procession_of_the_tests.pth", f"import site; site.addsitedir({packages!r})\n")
        for name, text in WHEEL.items():
            made.writestr(f"procession-0.1.0.dist-info/{name}", text)
    Path("/etc/pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {wheel.parent}\n")
    python = Path("/usr/local/bin/python3")
    python.write_text(f'#!/bin/sh\nexec {Path(sys.executable).resolve()} "$@"\n')
    python.chmod(0o755)


def survive_without_first_release() -> None:
    """The oldest release, in which the supervisor was started, is removed; it is killed, and comes back."""
    oldest = min(Path("/srv/mysite/releases").iterdir(), key=lambda path: path.stat().st_mtime)
    shutil.rmtree(oldest)
    lock = Path("/srv/mysite/run/supervisor.lock")
    before = lock.read_text()
    os.kill(int(before), signal.SIGKILL)
    await_true(lambda: lock.read_text() not in ("", before) and is_active("mysite"), "the supervisor is back")


def is_active(unit: str) -> bool:
    return subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode == 0


def reader(front_port: int, port: int) -> Reader:
    words = (
        ("sudo -iu ", "sudo -iu "),
        ("sudo -u mysite ", "runuser -u mysite -- "),
        ("sudo ", ""),
        ("listen 80;", f"listen 127.0.0.1:{front_port};"),
        ("http://mysite.example/", f"http://127.0.0.1:{front_port}/"),
        ("8001", str(free_port())),
    )
    path = f"{ENVIRONMENT / 'bin'}:/usr/local/bin:/usr/sbin:/usr/bin:/bin"
    return Reader(Path("/root"), port, {"PATH": path}, installs=False, words=words)


def run(*command: str) -> None:
    subprocess.run(command, check=True)


PAGES: Mapping[str, Callable[[Path], None]] = {
    "docs/how-to/from-systemd.md": from_systemd,
    "docs/how-to/deploy-without-sudo.md": without_sudo,
    "docs/tutorial/one-machine.md": one_machine,
}


if __name__ == "__main__":
    os.chdir("/")
    PAGES[sys.argv[1]](ROOT / sys.argv[1])
