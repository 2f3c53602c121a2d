"""`procession alert`, and what `status` and `events` say: a person's view of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.alerts.inbox import Inbox
from tests.console.project import Project
from tests.supervisor.programs import until

DECLARED = """
[processes.web]
command = "sh -c 'echo cannot reach the till; exit 3'"
backoff = { first = 0.01, longest = 0.02 }

[stack.alerts]
webhook = ["WEBHOOK"]
collect = 0.1
"""


@pytest.fixture
def declared(project: Project, inbox: Inbox) -> Project:
    project.declare(DECLARED.replace("WEBHOOK", inbox.url))
    return project


def test_a_test_says_what_became_of_each_channel(declared: Project, inbox: Inbox) -> None:
    assert declared.ok("alert", "--test").out == "webhook 127.0.0.1: sent\n"
    post = inbox.post()
    assert (post["test"], post["alerts"]) == (True, [])
    inbox.refuse()
    ended = declared.run("alert", "--test", "--json")
    assert (ended.code, json.loads(ended.out)) == (1, {"webhook 127.0.0.1": "it answered 503"})


def test_what_is_open_is_shown(declared: Project, inbox: Inbox) -> None:
    inbox.refuse()
    declared.run("up", "-d")
    inbox.take("http", taken=False)
    until(lambda: json.loads(declared.run("alert", "--json").out)["undelivered"])
    ended = declared.run("alert")
    assert ended.code == 1
    opened, undelivered = ended.out.splitlines()
    assert opened.startswith("web: crash-looping, since ")
    assert undelivered.startswith("alert not sent by webhook 127.0.0.1: it answered 503; tried ")
    assert "alert not sent by webhook 127.0.0.1: it answered 503; tried " in declared.run("status").out
    until(lambda: 'alert-not-sent  about ["web open"]' in declared.ok("events", "-n", "all").out)


def test_where_nothing_is_declared(project: Project) -> None:
    project.declare('[processes.web]\ncommand = "sleep 1000"\n')
    for arguments, words in ((("alert", "--test"), "the declaration has no ALERTS"), (("alert",), "no supervisor")):
        ended = project.run(*arguments)
        assert ended.code != 0
        assert words in ended.err


def test_a_mistake_in_it_starts_nothing(project: Project, tmp_path: Path) -> None:
    project.declare('[processes.web]\ncommand = "sleep 1000"\n[stack.alerts]\nemail = "ops@example.com"\n')
    ended = project.run("up", "-d")
    assert ended.code == 1
    assert "needs Django's e-mail settings" in ended.err
