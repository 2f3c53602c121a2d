"""What is in the units: each setting follows from one thing that was declared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from procession.engines.systemd.options import Options
from procession.engines.systemd.render import render
from procession.stack.model import Backoff, Listener, Origin, Probe, ProbeType, Process, StopStep
from tests.engines.systemd.site import BEAT, MIGRATE, STACK, WEB, WORKER, unit


def test_the_files_of_a_site() -> None:
    assert [file.path for file in render(STACK, Options()).files] == [
        "mysite.target",
        "mysite-migrate.service",
        "mysite-web@.service",
        "mysite-web.env",
        "mysite-web.socket",
        "mysite-web.listener.service",
        "mysite-worker@.service",
        "mysite-beat.service",
    ]


def test_the_same_stack_gives_the_same_files() -> None:
    assert render(STACK, Options()) == render(STACK, Options())


@pytest.mark.parametrize(
    ("process", "key", "values"),
    [
        (WEB, "Type", ["notify"]),
        (WEB, "Sockets", ["mysite-web.socket"]),
        (WEB, "ExecStart", [":/usr/bin/python3 -m gunicorn mysite.wsgi"]),
        (WEB, "ExecReload", ["/bin/kill -s HUP $MAINPID"]),
        (WEB, "KillMode", ["mixed"]),
        (WEB, "KillSignal", ["SIGQUIT"]),
        (WEB, "TimeoutStopSec", ["35s"]),
        (WEB, "EnvironmentFile", ["/etc/mysite.env", "/etc/systemd/system/mysite-web.env"]),
        (WEB, "UnsetEnvironment", ["NOTIFY_SOCKET"]),
        (WEB, "User", ["www-data"]),
        (WEB, "StartLimitIntervalSec", ["0"]),
        (WORKER, "KillSignal", ["SIGTERM"]),
        (WORKER, "TimeoutStopSec", ["600s"]),
        (WORKER, "MemoryMax", ["2147483648"]),
        (WORKER, "CPUQuota", ["200%"]),
        (WORKER, "LimitNOFILE", ["4096"]),
        (WORKER, "TasksMax", ["100"]),
        (WORKER, "Nice", ["5"]),
        (
            replace(
                BEAT, liveness=Probe(type=ProbeType.HEARTBEAT, max_age_seconds=8.0, interval_seconds=15.0, failures=6)
            ),
            "Environment",
            [
                "PYTHONFAULTHANDLER=1 PROCESSION_INSTANCE=beat.1 PROCESSION_PROCESS=beat PROCESSION_REPLICA=1",
                "PROCESSION_NOTIFY=%t/systemd/notify",
                "PROCESSION_HEARTBEAT=watchdog:83 PROCESSION_HEARTBEAT_SECONDS=2",
            ],
        ),
        (replace(BEAT, liveness=Probe(type=ProbeType.HEARTBEAT)), "KillSignal", ["SIGKILL"]),
        (replace(BEAT, liveness=Probe(type=ProbeType.NOTIFY, max_age_seconds=20.0)), "WatchdogSec", ["20s"]),
        (MIGRATE, "Type", ["oneshot"]),
        (MIGRATE, "Restart", ["no"]),
        (BEAT, "SyslogIdentifier", ["beat.1"]),
        (replace(BEAT, max_age_seconds=1000.0), "RuntimeMaxSec", ["900s"]),
        (replace(BEAT, backoff=Backoff(give_up=4)), "StartLimitBurst", ["4"]),
        (replace(BEAT, stop=(StopStep("INT", 10.0),)), "KillSignal", ["SIGINT"]),
        (replace(BEAT, umask=0o27), "UMask", ["0027"]),
        (replace(BEAT, success=(0, 3, -15)), "SuccessExitStatus", ["3 SIGTERM"]),
        (
            replace(WEB, handoff=(), listeners=(Listener("0.0.0.0:80"),)),
            "AmbientCapabilities",
            ["CAP_NET_BIND_SERVICE"],
        ),
        (replace(WEB, directory="/home/me/site"), "ProtectHome", ["read-only"]),
    ],
)
def test_a_setting_follows_from_what_was_declared(process: Process, key: str, values: list[str]) -> None:
    assert unit(process)[key] == values


def test_the_wait_before_a_restart_grows_where_systemd_knows_how() -> None:
    assert unit(BEAT)["RestartSec"] == ["2s"]
    newer = unit(BEAT, options=Options(version=254))
    assert (newer["RestartSec"], newer["RestartSteps"], newer["RestartMaxDelaySec"]) == (["500ms"], ["7"], ["60s"])


def test_a_task_must_have_ended_well_and_a_process_only_come_first() -> None:
    files = {file.path: file.text for file in render(STACK, Options()).files}
    assert "\nRequires=mysite-migrate.service\n" in files["mysite-web@.service"]
    assert "\nWants=mysite-worker@1.service mysite-worker@2.service\n" in files["mysite-beat.service"]


def test_all_listeners_are_in_one_socket_unit_in_their_order() -> None:
    web = replace(WEB, listeners=(Listener("unix:/run/a.sock", mode=0o660, user="www-data"), Listener("[::]:8000")))
    socket = unit(web, "mysite-web.socket")
    assert socket["ListenStream"] == ["/run/a.sock", "[::]:8000"]
    assert (socket["SocketMode"], socket["SocketUser"]) == (["0660"], ["www-data"])
    assert socket["Service"] == ["mysite-web.listener.service"]


def test_units_of_a_user_name_no_user_and_need_no_rights() -> None:
    mine = unit(replace(WEB, user="", group=""), options=Options(user_mode=True))
    assert not {"User", "Group", "ProtectSystem", "PrivateTmp", "CapabilityBoundingSet"} & set(mine)
    assert mine["NoNewPrivileges"] == ["yes"]


def test_a_secret_is_in_no_unit_and_refused_until_somebody_asks_for_the_copy() -> None:
    stack = replace(STACK, processes=(replace(WEB, environment={"SECRET_KEY": "hunter2"}),))
    assert [problem.id for problem in render(stack, Options()).problems] == ["E100"]
    copied = render(stack, Options(write_secrets=True))
    assert [problem.id for problem in copied.problems] == ["W102"]
    assert [(file.path, file.mode) for file in copied.files if "hunter2" in file.text] == [("mysite-web.env", 0o600)]


@pytest.mark.parametrize(
    ("process", "id"),
    [
        (replace(WEB, directory="/srv/a\nb"), "E110"),
        (replace(WEB, listeners=(Listener("web.example.org:80"),)), "E110"),
        (replace(WEB, environment={"A": "\x1b"}), "E110"),
        (replace(WEB, user=""), "W112"),
        (replace(WEB, tells_ready=False), "W113"),
        (replace(WEB, liveness=replace(WEB.readiness)), "W114"),
        (replace(WEB, handoff=()), "W115"),
        (replace(WEB, argv=(*WEB.argv, "--password=x")), "W103"),
    ],
)
def test_what_systemd_cannot_do_is_said(process: Process, id: str) -> None:
    stack = replace(STACK, processes=(process,))
    assert [problem.id for problem in render(stack, Options()).problems] == [id]


def test_one_unit_for_our_own_supervisor() -> None:
    rendering = render(STACK, Options(supervisor=True))
    (file,) = rendering.files
    assert [problem.id for problem in rendering.problems] == ["W117"]
    assert file.path == "mysite.service"
    for line in ("KillMode=process", "RestartKillSignal=SIGKILL", "Delegate=yes", "WatchdogSec=60s", "Type=notify"):
        assert f"\n{line}\n" in file.text


def test_a_newer_systemd_starts_our_supervisor_beside_the_groups_with_limits() -> None:
    rendering = render(STACK, Options(supervisor=True, version=254))
    assert rendering.problems == ()
    assert "\nDelegateSubgroup=supervisor\n" in rendering.files[0].text


def test_our_own_supervisor_reads_the_settings_that_were_applied() -> None:
    web = replace(WEB, origin=Origin("settings", "mysite.production"))
    text = render(replace(STACK, processes=(web,)), Options(supervisor=True)).files[0].text
    assert "supervise -C /srv --settings mysite.production --no-echo\n" in text
