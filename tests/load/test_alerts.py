"""How ALERTS is written, and all that would keep an alert from arriving."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from procession.engines.options import read_options, without_alerts
from procession.engines.registry import engine
from procession.load import load
from procession.load.development import adapt
from procession.sources.settings import read_settings
from procession.stack.channels import channels
from procession.stack.codec import from_data, to_data
from procession.stack.model import AlertKind, Alerts, Site, Stack

CONSOLE = "django.core.mail.backends.console.EmailBackend"
DSN = "https://key@sentry.example.com/42"
HOOK = "https://hooks.example.com/T0/secret"


def loaded(alerts: Any, *, admins: tuple[str, ...] = ("ops@example.com",), mailer: str = "") -> tuple[Any, list[str]]:
    """The stack, and what is wrong, in short."""
    site = Site(
        directory="/", python=sys.executable, settings_module="mysite.settings", admins=admins, mailer=mailer
    )  # fmt: skip
    declared = read_settings({"web": {"COMMAND": "sleep 9"}}, {"ALERTS": alerts}, "mysite.settings")
    stack, problems = load(declared, site)
    return stack, [f"{problem.id} {problem.where}: {problem.what}" for problem in problems]


def test_all_of_it() -> None:
    said = {"EMAIL": True, "WEBHOOK": HOOK, "SENTRY": DSN, "KINDS": "failed", "RECOVERED_AFTER": "5m"}
    stack, problems = loaded(said)
    assert problems == []
    assert stack.alerts == Alerts(
        email=("admins",), webhook=(HOOK,), sentry=DSN, kinds=(AlertKind.FAILED,), recovered_after_seconds=300.0
    )
    assert stack.alerter == (sys.executable, "-P", "-m", "procession.django.alerts", "mysite.settings")
    assert from_data(Stack, to_data(stack)) == stack


def test_without_it_nothing_is_there() -> None:
    declared = read_settings({"web": {"COMMAND": "sleep 9"}}, {}, "mysite.settings")
    stack, _ = load(declared, Site(directory="/", python=sys.executable))
    assert stack is not None
    assert (stack.alerts, stack.alerter) == (None, ())


@pytest.mark.parametrize(
    ("alerts", "problem"),
    [
        ("ops@example.com", "E002 stack.alerts: must be a mapping, got \"ops@example.com\""),
        ({"EMAIL": "ops"}, 'E175 stack.alerts.email: must be an e-mail address, got "ops"'),
        ({"EMAIL": ["a@b.c\nBcc: x@y"]}, 'E175 stack.alerts.email: must be an e-mail address, got "a@b.c\\nBcc: x@y"'),
        ({"WEBHOOK": "ftp://h/key"}, 'E173 stack.alerts.webhook: must be an http or https address, got "ftp://h/..."'),
        ({"WEBHOOK": 5}, "E002 stack.alerts.webhook: must be a string, got 5"),
        ({"SENTRY": "https://sentry.example.com/42"}, "E173 stack.alerts.sentry: is no DSN"),
        ({"WEBHOOK": HOOK, "HOURLY": 0}, "E009 stack.alerts.hourly: must be from 1 to 1000, got 0"),
        ({"EMIAL": True}, "E001 stack.alerts.emial: is no key that Procession knows"),
        ({}, "E170 stack.alerts: tells nobody"),
        ({"LINES": 5}, "E170 stack.alerts: tells nobody"),
        ({"WEBHOOK": ""}, "W171 stack.alerts: tells nobody: WEBHOOK is empty"),
        ({"APPRISE": []}, "W171 stack.alerts: tells nobody: APPRISE is empty"),
    ],
)  # fmt: skip
def test_mistakes(alerts: Any, problem: str) -> None:
    assert loaded(alerts)[1] == [problem]


def test_in_development_nobody_is_told() -> None:
    site = Site(directory="/", python=sys.executable)
    declared = read_settings({"web": {"COMMAND": "sleep 9"}}, {"ALERTS": {"WEBHOOK": HOOK}}, "mysite.settings")
    stack, _ = load(adapt(declared, site, {}), site)
    assert stack is not None
    assert stack.alerts is None


def test_who_gets_mails() -> None:
    assert loaded({"EMAIL": True}, admins=())[1] == ["E171 stack.alerts.email: is for those in ADMINS, which is empty"]
    assert loaded({"EMAIL": "a@b.c"}, admins=())[1] == []
    said = loaded({"EMAIL": "a@b.c"}, mailer=CONSOLE)[1]
    assert said == ["W170 stack.alerts.email: EMAIL_BACKEND prints mails: nobody gets an alert that way"]


def test_no_name_of_a_channel_holds_a_secret() -> None:
    alerts = Alerts(webhook=(HOOK, HOOK), apprise=("slack://A/B/C",), sentry=DSN, email=("a@b.c",))
    assert [channel.name for channel in channels(alerts)] == [
        "email", "webhook hooks.example.com", "webhook hooks.example.com (2)", "apprise slack", "sentry",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "said"), [("systemd", {}), ("compose", {}), ("kubernetes", {"image": "a/b:1"})])
def test_an_engine_that_sends_none_says_so(name: str, said: dict[str, Any]) -> None:
    stack, _ = loaded({"WEBHOOK": HOOK})
    tool = engine(name)
    assert [problem.id for problem in without_alerts(tool, stack, read_options(tool, stack)[0])] == ["W172"]


def test_an_engine_that_runs_our_supervisor_sends_them() -> None:
    declared = read_settings(
        {"web": {"COMMAND": "sleep 9"}},
        {"ALERTS": {"WEBHOOK": HOOK}, "ENGINES": {"systemd": {"SUPERVISOR": True}, "compose": {"FORM": "one"}}},
        "mysite.settings",
    )
    stack, _ = load(declared, Site(directory="/", python=sys.executable))
    assert stack is not None
    for name in ("systemd", "compose"):
        tool = engine(name)
        assert without_alerts(tool, stack, read_options(tool, stack)[0]) == []
