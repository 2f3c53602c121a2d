"""`procession dev`: what it runs, and that a change of a file restarts those who read it, and nobody else."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.console.project import Project, Terminal, await_true

SAYS = 'import app\nprint("this is", app.NAME, flush=True)\nimport signal\nsignal.pause()\n'
PROGRAM = f'command = ["{sys.executable}", "main.py"]\n'


@pytest.fixture
def site(project: Project) -> Project:
    """A folder with a program of two modules, app.py and main.py, and no declaration yet."""
    project.stack_directory /= "dev"
    (project.directory / "app.py").write_text('NAME = "one"\n')
    (project.directory / "main.py").write_text(SAYS)
    return project


def begin(site: Project, *arguments: str) -> Terminal:
    terminal = site.terminal("dev", *arguments)
    terminal.await_text("-- site is up")
    return terminal


def end(terminal: Terminal) -> None:
    terminal.press_ctrl_c()
    assert terminal.ended() == 0


def restarts(site: Project, name: str) -> int:
    return int(site.instance(name)["restarts"])


def test_a_change_restarts_those_who_read_the_file(site: Project) -> None:
    site.declare(f'[development.web]\n{PROGRAM}[development.other]\ncommand = "sleep 1000"\n')
    terminal = begin(site)
    terminal.await_text("web.1   | this is one")
    (site.directory / "app.py").write_text('NAME = "two"\n')
    terminal.await_text("-- 1 file changed (app.py): web restarts")
    terminal.await_text("web.1   | this is two")
    assert restarts(site, "other.1") == 0, "a program that is no Python reads none of it"
    end(terminal)
    assert site.members() == []


def test_many_files_written_at_once_are_one_restart(site: Project) -> None:
    site.declare(f"[development.web]\n{PROGRAM}")
    terminal = begin(site)
    terminal.await_text("this is one")
    new = site.directory / "package" / "deeper"
    new.mkdir(parents=True)
    for number in range(50):
        (new / f"module{number}.py").write_text("")
    (site.directory / "app.py").write_text('NAME = "two"\n')
    terminal.await_text("this is two")
    (site.directory / "app.py").write_text('NAME = "three"\n')
    terminal.await_text("this is three")
    assert terminal.shown.count("changed (") == 2, terminal.shown
    assert "files changed (app.py, package/deeper/module0.py, package/deeper/module1.py, ...): web restarts" in (
        terminal.shown
    )
    end(terminal)


def test_a_file_in_a_new_folder_counts(site: Project) -> None:
    site.declare(f"[development.web]\n{PROGRAM}")
    terminal = begin(site)
    (site.directory / "package").mkdir()
    (site.directory / "package" / "first.py").write_text("")
    terminal.await_text("(package/first.py): web restarts")
    (site.directory / "package" / "second.py").write_text("")
    terminal.await_text("(package/second.py): web restarts")
    end(terminal)


def test_what_gitignore_names_is_left_alone(site: Project) -> None:
    site.declare(f"[development.web]\n{PROGRAM}")
    (site.directory / ".git").mkdir()
    (site.directory / ".gitignore").write_text("generated/\nlocal_*.py\n")
    (site.directory / "generated").mkdir()
    terminal = begin(site)
    terminal.await_text("this is one")
    (site.directory / "generated" / "code.py").write_text("")
    (site.directory / "local_notes.py").write_text("")
    (site.directory / "app.py").write_text('NAME = "two"\n')
    terminal.await_text("this is two")
    assert "generated" not in terminal.shown
    assert "local_notes" not in terminal.shown
    end(terminal)


def test_what_does_not_compile_restarts_nobody_until_it_does(site: Project) -> None:
    site.declare(f"[development.web]\n{PROGRAM}")
    terminal = begin(site)
    terminal.await_text("this is one")
    (site.directory / "other.py").write_text("x = 1\ndef f(:\n")
    terminal.await_text("-- other.py:2: invalid syntax: def f(:; what runs goes on")
    (site.directory / "app.py").write_text('NAME = "two"\n')
    terminal.await_text("-- other.py:2:", times=2)
    assert restarts(site, "web.1") == 0
    (site.directory / "other.py").write_text("x = 1\n")
    terminal.await_text("-- 2 files changed (app.py, other.py): web restarts")
    terminal.await_text("this is two")
    end(terminal)


def test_watch_says_what_else_a_process_reads_or_that_it_reads_nothing(site: Project) -> None:
    site.declare(
        f'[development.web]\n{PROGRAM}watch = ["*.csv", "!old.csv"]\n[development.deaf]\n{PROGRAM}watch = false\n'
    )
    terminal = begin(site)
    terminal.await_text("this is one", times=2)
    for name in ("app.py", "old.csv"):
        (site.directory / name).write_text("")
    (site.directory / "data.csv").write_text("")
    terminal.await_text("-- 1 file changed (data.csv): web restarts")
    assert terminal.shown.count("changed (") == 1
    end(terminal)


def test_a_change_of_the_declaration_is_applied_and_a_wrong_one_is_not(site: Project) -> None:
    site.declare(f"[development.web]\n{PROGRAM}")
    terminal = begin(site)
    site.declare(f"[development.web]\n{PROGRAM}replicas = 'many'\n")
    terminal.await_text("nothing was changed; what runs goes on")
    site.declare(f'[development.web]\n{PROGRAM}[development.more]\ncommand = "sleep 1000"\n')
    terminal.await_text("the declaration is read again")
    terminal.await_text("-- more.1: ready after")
    assert restarts(site, "web.1") == 0
    end(terminal)


def test_a_procfile_dev_has_ports_from_web_on_and_dotenv(site: Project) -> None:
    (site.directory / ".env").write_text("GREETING=hello\n")
    (site.directory / "Procfile.dev").write_text(
        'worker: echo "$GREETING $PORT"; sleep 1000\nweb: echo web $PORT; sleep 1000\n'
    )
    terminal = begin(site, "--port", "7000")
    terminal.await_text("web.1    | web 7000")
    terminal.await_text("worker.1 | hello 7100")
    (site.directory / ".env").write_text("GREETING=goodbye\n")
    terminal.await_text("worker.1 | goodbye 7100")
    end(terminal)


def test_a_toml_declaration_has_ports_from_8000(site: Project) -> None:
    echo = 'command = ["sh", "-c", "echo port $PORT; exec sleep 1000"]\n'
    site.declare(
        f'[development.other]\n{echo}[development.web]\n{echo}[development.own]\n{echo}env = {{PORT = "99"}}\n'
    )
    terminal = begin(site)
    for line in ("web.1   | port 8000", "other.1 | port 8100", "own.1   | port 99"):
        terminal.await_text(line)
    end(terminal)


def test_only_those_that_are_named_and_what_they_depend_on(site: Project) -> None:
    site.declare(
        "".join(f'[development.{name}]\ncommand = "sleep 1000"\n' for name in ("base", "other"))
        + '[development.web]\ncommand = "sleep 1000"\ndepends_on = ["base"]\n'
    )
    terminal = begin(site, "web")
    assert {view["name"] for view in site.status()["instances"]} == {"base.1", "web.1"}
    end(terminal)
    assert site.run("dev", "wbe").code == 2


def test_without_a_development_declaration_it_is_productions(site: Project) -> None:
    site.declare(f"[processes.web]\n{PROGRAM}replicas = 3\nuser = 'nobody'\n")
    terminal = begin(site)
    assert "nothing is declared for development" in terminal.shown
    terminal.await_text("web.1 | this is one")
    assert [view["name"] for view in site.status()["instances"]] == ["web.1"]
    end(terminal)


def test_it_runs_beside_up_and_not_twice(site: Project) -> None:
    site.declare(f'[processes.production]\ncommand = "sleep 1000"\n[development.web]\n{PROGRAM}')
    terminal = begin(site)
    refused = site.run("dev")
    assert refused.code == 1
    assert "`procession dev` runs here already, pid" in refused.err
    assert [view["name"] for view in site.status()["instances"]] == ["web.1"], "status means what runs"
    site.ok("up", "-d")
    assert [view["name"] for view in site.status()["instances"]] == ["production.1"], "up comes first"
    site.ok("down")
    assert site.instance("web.1")["phase"] == "ready"
    end(terminal)


def test_after_a_killed_dev_the_next_one_takes_over(site: Project) -> None:
    site.declare(f"[development.web]\n{PROGRAM}")
    terminal = begin(site)
    pid = site.instance("web.1")["pid"]
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.ended()
    again = begin(site)
    assert site.instance("web.1")["pid"] == pid
    (site.directory / "app.py").write_text('NAME = "two"\n')
    again.await_text("this is two")
    end(again)
    assert site.members() == []


SAY = "force ${FORCE_COLOR:-no} columns ${COLUMNS:-none} no ${NO_COLOR:-none}"
LOOK = f'command = ["sh", "-c", "echo {SAY}; exec sleep 9999"]\n'


def test_colours_are_asked_for_on_a_terminal_and_its_width_is_told(site: Project) -> None:
    site.declare(f"[development.web]\n{LOOK}")
    terminal = begin(site)
    terminal.await_text("force 1 columns")
    assert "\x1b[36mweb.1 | " in terminal.raw
    end(terminal)


def test_no_color_is_passed_on(site: Project) -> None:
    site.declare(f"[development.web]\n{LOOK}")
    terminal = begin(site, "--no-color")
    terminal.await_text("force no columns")
    terminal.await_text("no 1")
    assert "\x1b[36m" not in terminal.raw
    end(terminal)


def test_into_a_pipe_nothing_is_coloured(site: Project) -> None:
    site.declare(f"[development.web]\n{LOOK}")
    out = site.directory / "out"
    with site.piped("dev", out=out) as running:
        await_true(lambda: "force" in out.read_text(), "it says its line")
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    assert out.read_text() == "web.1 | force no columns 100 no none\n", "COLUMNS is whatever it was"


def test_without_watchfiles_it_runs_and_says_what_to_install(site: Project) -> None:
    site.declare(f"[development.web]\n{PROGRAM}")
    hide = "import sys; sys.modules['watchfiles'] = None; from procession.console.main import command; command()"
    site.command = (sys.executable, "-c", hide)
    terminal = site.terminal("dev")
    terminal.await_text('pip install "procession[dev]"')
    terminal.await_text("-- site is up")
    site.command = Project.command
    end(terminal)


def test_a_second_ctrl_c_ends_it_at_once(site: Project) -> None:
    deaf = 'command = ["sh", "-c", "trap : TERM; echo deaf; while :; do sleep 1000; done"]\nstop_timeout = "100s"\n'
    site.declare(f"[development.deaf]\n{deaf}")
    terminal = begin(site)
    terminal.await_text("| deaf")
    terminal.press_ctrl_c()
    terminal.await_text("Ctrl-C again kills")
    await_true(lambda: site.instance("deaf.1")["phase"] == "stopping", "it is being stopped")
    terminal.press_ctrl_c()
    terminal.ended()
    assert site.members() == []


def test_what_fails_at_its_start_waits_for_a_change(site: Project) -> None:
    (site.directory / "app.py").write_text("1 / 0\n")
    site.declare(
        f'[development.web]\n{PROGRAM}readiness = {{type = "file", file = "never"}}\nbackoff = {{give_up = 1}}\n'
    )
    terminal = site.terminal("dev")
    terminal.await_text("ZeroDivisionError")
    await_true(lambda: site.instance("web.1")["phase"] == "failed", "it is not tried for ever")
    (site.directory / "app.py").write_text('NAME = "mended"\n')
    terminal.await_text("this is mended")
    terminal.press_ctrl_c()
    terminal.ended()


def test_piped_output_has_no_terminal_words(site: Project, tmp_path: Path) -> None:
    site.declare(f"[development.web]\n{PROGRAM}")
    out = tmp_path / "out"
    with site.piped("dev", "--no-reload", out=out) as running:
        await_true(lambda: "this is one" in out.read_text(), "it says its line")
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
    assert "\x1b" not in out.read_text()
