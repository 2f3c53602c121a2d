"""`procession apply` and `render` as a person meets them: mistakes first, and what is never touched."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from procession.engines.registry import MODULES, NAMES, engine
from tests.console.project import Ended, Project, await_true

SITE = f"""
[stack.engines.supervisord]
directory = "../s"
[stack.engines.kubernetes]
image = "registry.example/mysite:1.4"
[processes.web]
command = "{shutil.which("sleep")} 1000"
"""
CONF = "../s/supervisord.conf"
CONTAINERS = ("compose", "swarm")


@pytest.fixture
def site(project: Project) -> Iterator[Project]:
    """A project of one process; a supervisord that a test left behind is ended."""
    project.declare(SITE)
    yield project
    pid = project.directory / "../s/supervisord.pid"
    if pid.exists():
        os.kill(int(pid.read_text()), signal.SIGTERM)
        await_true(lambda: not pid.exists(), "supervisord has ended")


def written(site: Project) -> list[str]:
    """All that is in the project's folder and beside it."""
    return sorted(f"{path.relative_to(site.directory.parent)}" for path in site.directory.parent.rglob("*"))


def refused(ended: Ended, code: int, *words: str) -> None:
    assert ended.code == code, ended
    for word in words:
        assert word in ended.err


def test_apply_wants_to_know_the_engine(site: Project) -> None:
    refused(site.run("apply"), 2, "say to which engine", *MODULES)


@pytest.mark.parametrize("verb", ["apply", "render", "status", "logs"])
def test_an_engine_that_is_misspelt(verb: str, site: Project) -> None:
    refused(site.run(verb, "--engine", "supervisor"), 2, "no engine 'supervisor'", 'did you mean "supervisord"?')
    refused(site.run(verb, "--engine", "zzz"), 2, "no engine 'zzz'", *NAMES)


def test_the_engines_options_are_looked_at_by_check_render_and_apply(site: Project) -> None:
    site.declare(SITE + '[stack.engines.sytemd]\n[stack.engines.systemd]\nversoin = 1\nuser_mode = "maybe"\n')
    for arguments in (("check",), ("render", "--engine", "systemd"), ("apply", "--engine", "systemd")):
        ended = site.run(*arguments)
        assert ended.code == 1, ended
        said = ended.out + ended.err
        assert "stack.engines.sytemd: there is no such engine" in said
        assert 'did you mean "systemd"?' in said
        assert 'did you mean "version"?' in said
        assert "stack.engines.systemd.user_mode: must be true or false" in said
        assert "procession.toml" in said


def test_another_engines_options_do_not_stop_this_one(site: Project) -> None:
    site.declare(SITE + "[stack.engines.systemd]\nversion = 1\n")
    site.ok("render", "--engine", "supervisord")


def test_a_mistake_in_the_declaration_shows_and_touches_nothing(site: Project) -> None:
    site.declare(SITE + 'restart = "sometimes"\n')
    before = written(site)
    refused(site.run("apply", "--engine", "supervisord"), 1, "web.restart: must be")
    assert written(site) == before


def test_what_is_only_written_is_not_applied_nor_driven(site: Project) -> None:
    ended = site.run("apply", "--engine", "procfile")
    refused(ended, 2, "a Procfile is only written", "procession render --engine procfile --output .")
    assert ended.out == ""


def test_the_embedded_supervisor_has_no_files(site: Project) -> None:
    refused(site.run("apply", "--engine", "embedded"), 2, "procession up")


@pytest.mark.parametrize(
    "name", [name for name in MODULES if engine(name).runs and name not in ("supervisord", "procfile")]
)
def test_without_its_tool_nothing_is_touched_and_it_says_what_to_install(name: str, site: Project) -> None:
    alone = {"PATH": str(site.directory)}
    before = written(site)
    refused(site.run("apply", "--engine", name, environment=alone), 4, "there is no ", " here\n    ")
    assert written(site) == before


@pytest.mark.parametrize("name", CONTAINERS)
def test_without_an_answer_of_docker_nothing_is_touched(name: str, site: Project) -> None:
    if not shutil.which("docker"):
        pytest.skip("needs the docker client (Debian's docker.io)")
    before = written(site)
    ended = site.run("apply", "--engine", name, environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    refused(ended, 4, "Docker ", "start" if name == "swarm" else "")
    assert "refuses the file" not in ended.err
    assert written(site) == before


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_dry_run_needs_no_engine(name: str, site: Project) -> None:
    before = written(site)
    ended = site.ok("apply", "--engine", name, "--dry-run")
    assert f"{name}/compose.yaml: new" in ended.out
    assert "+services:" in ended.out
    assert any(line.startswith("docker ") for line in ended.out.splitlines())
    assert written(site) == before


def test_what_the_checker_does_not_like_changes_nothing(site: Project) -> None:
    site.declare(SITE + '[processes.web.log]\nfile = "/proc/nowhere/web.log"\n')
    before = written(site)
    refused(site.run("apply", "--engine", "supervisord"), 4, "/proc/nowhere/web.log", "nothing was changed")
    assert written(site) == before


def test_a_folder_that_is_not_ours(site: Project) -> None:
    """Root without its rights is a person like others."""
    as_person = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    site.command = (*as_person, *site.command)
    site.directory.chmod(0o555)
    site.directory.parent.chmod(0o555)
    try:
        refused(site.run("render", "--engine", "supervisord", "--output", "x"), 4, "Permission denied", "run this as")
        refused(site.run("apply", "--engine", "supervisord"), 4, "Permission denied", "run this as")
    finally:
        site.directory.parent.chmod(0o755)
        site.directory.chmod(0o755)


def test_render_writes_where_it_is_told_and_only_over_its_own(site: Project) -> None:
    site.ok("render", "--engine", "supervisord", "--output", "out")
    out = site.directory / "out"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    site.ok("render", "--engine", "supervisord", "--output", "out")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    conf = out / "supervisord.conf"
    conf.write_text(conf.read_text() + "; mine\n")
    refused(site.run("render", "--engine", "supervisord", "--output", "out"), 4, "was edited by hand", "--overwrite")
    site.ok("render", "--engine", "supervisord", "--output", "out", "--overwrite")
    assert conf.read_bytes() == before["supervisord.conf"]


def test_render_that_cannot_write_says_so(site: Project) -> None:
    refused(site.run("render", "--output", "out"), 2, "say which: --engine NAME")
    refused(site.run("render", "--engine", "systemd", "--output", "procession.toml"), 2, "is no directory")


def test_verbs_before_any_apply_are_those_of_our_own_supervisor(site: Project) -> None:
    refused(site.run("status"), 3, "procession up -d")
    refused(site.run("restart", "web", "--engine", "supervisord"), 4, "procession apply --engine supervisord")


def test_the_engine_is_remembered_until_it_is_taken_down(site: Project) -> None:
    first = site.ok("apply", "--engine", "supervisord")
    assert "supervisord.conf: new" in first.out
    assert "2 files, none changed" in site.ok("apply").out
    assert "on supervisord" in site.ok("status").out
    refused(site.run("status", "--engine", "compose"), 4, "does not run on compose: it was applied to supervisord")
    refused(site.run("status", "wbe"), 2, 'did you mean "web"?')
    refused(site.run("apply", "--engine", "compose"), 4, "supervisord runs the site", "procession down --engine")
    for arguments in (("up", "-d"), ("update",), ("reload", "web"), ("signal", "HUP", "web"), ("upgrade",)):
        refused(site.run(*arguments), 4, "supervisord runs the site", "Procession's own supervisor")
    dry = site.ok("restart", "web", "--dry-run")
    assert "supervisorctl" in dry.out
    site.ok("down")
    refused(site.run("status"), 3, "procession up -d")


def test_a_hand_edit_is_noticed_and_a_strangers_file_never_replaced(site: Project) -> None:
    site.ok("apply", "--engine", "supervisord")
    conf = site.directory / CONF
    ours = conf.read_text()
    conf.write_text(ours + "; mine\n")
    ended = site.run("apply")
    refused(ended, 4, "was edited by hand", "--overwrite")
    assert "-; mine" in ended.out
    assert conf.read_text() == ours + "; mine\n"
    site.ok("apply", "--overwrite")
    assert conf.read_text() == ours
    conf.write_text("; a stranger's\n")
    refused(site.run("apply", "--overwrite"), 4, "is not ours", "nothing was changed")
    assert conf.read_text() == "; a stranger's\n"


def test_no_name_does_nothing_in_silence_or_means_more_than_it_says(site: Project) -> None:
    site.declare(
        SITE
        + '[processes.once]\ncommand = "true"\ntype = "task"\n[processes.one]\ncommand = "sleep 9"\nsingleton = true\n'
    )
    applied_to("systemd", site)
    for verb, wrong in (
        ("stop", "web.x"),
        ("stop", "web.0"),
        ("status", "web."),
        ("start", "web.2"),
        ("roll", "web.2"),
    ):
        refused(site.run(verb, wrong, "--dry-run"), 2, f"there is no instance '{wrong}'", "web has web.1")
    assert "site-web@2.service" in site.ok("stop", "web.2", "--dry-run").out, "a roll may have left it"
    for wrong, why in (("once=2", "is a task"), ("one=2", "is a singleton"), ("web=99999", "from 0 to 10000")):
        refused(site.run("scale", wrong, "--dry-run"), 2, why)


def test_what_could_be_written_only_in_part_is_not_forgotten(site: Project) -> None:
    site.ok("apply", "--engine", "supervisord")
    (site.directory / "../s/tasks").write_text("in the way")
    site.declare(SITE + '[processes.once]\ncommand = "true"\ntype = "task"\n')
    refused(site.run("apply"), 4, "tasks")
    (site.directory / "../s/tasks").unlink()
    assert "goes on with what it has left: supervisord.conf, tasks/once.json" in site.ok("apply").err
    assert "goes on" not in site.ok("apply").err
    site.ok("down")


def test_what_is_remembered_is_nobodys_commit(site: Project) -> None:
    site.ok("apply", "--engine", "supervisord")
    assert (site.stack_directory / ".gitignore").read_text() == "*\n"
    site.ok("down")


def test_verbs_of_a_supervisord_that_is_not_there(site: Project) -> None:
    applied_to("supervisord", site)
    refused(site.run("down"), 4, "does not answer", "could not find config file")
    site.ok("render", "--engine", "supervisord", "--output", "../s")
    for verb in ("start", "stop", "restart", "roll"):
        refused(site.run(verb, "web"), 3, "no supervisord is there", "procession apply")
    assert "nothing of it runs" in site.ok("down").err
    refused(site.run("status"), 3, "procession up -d")


def applied_to(engine: str, site: Project) -> None:
    """As after a boot: it is remembered, and nothing runs."""
    stack = json.loads(site.ok("render").out)
    site.stack_directory.mkdir()
    applied = {"engine": engine, "directory": f"{site.directory.parent}/s", "stack": stack}
    (site.stack_directory / "engine.json").write_text(json.dumps(applied))


def test_render_for_our_own_supervisor_says_what_there_is_instead(site: Project) -> None:
    refused(site.run("render", "--engine", "embedded"), 2, "needs no files", "procession up")


def test_while_our_own_supervisor_runs_nothing_is_applied(site: Project) -> None:
    site.ok("up", "-d")
    refused(site.run("apply", "--engine", "supervisord"), 4, "Procession's own supervisor runs the site", "down")
    assert not (site.directory / CONF).exists()


def test_the_engines_names_are_completed(site: Project) -> None:
    assert site.ok("completion", "words", "--", "apply", "--engine", "s").out.split() == [
        "systemd", "supervisord", "swarm"
    ]  # fmt: skip


@pytest.mark.parametrize("verb", ["apply", "render"])
def test_help_names_every_engine(verb: str, site: Project) -> None:
    said = site.ok(verb, "--help").out
    assert not [name for name in MODULES if name not in said]
