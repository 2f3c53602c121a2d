"""The sender on its own: what each channel is given, and what is said of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sentry_sdk.envelope import Envelope

from procession.console.moments import as_stamp
from procession.django.alerts import words
from procession.django.alerts.evidence import complete, release_of
from procession.django.alerts.request import Item, Message, Request, Trouble
from procession.django.alerts.web import NotTaken, post_json
from procession.stack.channels import channels
from procession.stack.codec import to_data
from procession.stack.model import Alerts
from tests.alerts.inbox import Inbox
from tests.alerts.shop import MANAGE, SETTINGS

NOW = 1_795_000_000.0
DEAD = Trouble("crash-looping", "web.1", "exited with 3 (3 times in a row)")
ITEM = Item(id="web-1", process="web", state="open", began=NOW - 60, at=NOW, troubles=(DEAD,))
MESSAGE = Message(id="ab" * 14, site="shop", host="till", at=NOW, items=(ITEM,))


def send(folder: Path, alerts: Alerts, message: Message = MESSAGE, **environment: str) -> Mapping[str, str]:
    """What the sender says of each channel."""
    names = tuple(channel.name for channel in channels(alerts))
    asked = Request(message=message, directory=str(folder), stack_directory=str(folder), alerts=alerts, channels=names)
    child = subprocess.run(
        [sys.executable, "-P", "-m", "procession.django.alerts", "shopsettings"],
        input=json.dumps(to_data(asked)), capture_output=True, text=True, check=True, env={**os.environ, **environment},
    )  # fmt: skip
    said = [json.loads(line) for line in child.stdout.splitlines()]
    return {one["channel"]: one["why"] for one in said}


@pytest.fixture
def folder(tmp_path: Path, inbox: Inbox) -> Path:
    (tmp_path / "manage.py").write_text(MANAGE)
    (tmp_path / "shopsettings.py").write_text(SETTINGS.format(port=inbox.smtp))
    return tmp_path


def test_a_webhook_is_signed(inbox: Inbox, folder: Path) -> None:
    url = inbox.url.replace("http://", "http://ops:a%40b@")
    assert send(folder, Alerts(webhook=(url,), webhook_secret="shared")) == {"webhook 127.0.0.1": ""}
    got = inbox.take("http")
    assert got["headers"]["Authorization"] == "Basic b3BzOmFAYg=="
    signature = hmac.new(b"shared", got["body"].encode(), hashlib.sha256).hexdigest()
    assert got["headers"]["X-Procession-Signature"] == f"sha256={signature}"
    assert json.loads(got["body"])["alerts"][0]["troubles"][0]["said"] == "exited with 3 (3 times in a row)"


def test_sentry_understands_the_envelope(inbox: Inbox, folder: Path) -> None:
    dsn = inbox.url.replace("http://", "http://key@").replace("/alerts", "/42")
    assert send(folder, Alerts(sentry="site"), SENTRY_DSN=dsn) == {"sentry": ""}
    got = inbox.take("http")
    assert got["path"] == "/api/42/envelope/"
    assert "sentry_key=key" in got["headers"]["X-Sentry-Auth"]
    event: Any = Envelope.deserialize(got["body"].encode()).get_event()
    assert event["message"] == {"formatted": "web is crash-looping"}
    assert (event["level"], event["tags"]["process"]) == ("error", "web")
    assert len(event["event_id"]) == 32


def test_the_dsn_is_that_of_the_site(inbox: Inbox, folder: Path) -> None:
    dsn = inbox.url.replace("http://", "http://key@").replace("/alerts", "/7")
    with (folder / "shopsettings.py").open("a") as settings:
        settings.write(f"import sentry_sdk\nsentry_sdk.init({dsn!r})\n")
    assert send(folder, Alerts(sentry="site"), SENTRY_DSN="") == {"sentry": ""}
    assert inbox.take("http")["path"] == "/api/7/envelope/"


def test_apprise_takes_what_it_knows(inbox: Inbox, folder: Path) -> None:
    good = inbox.url.replace("http://", "json://")
    said = send(folder, Alerts(apprise=(good, "nosuch://token")))
    assert said == {"apprise json": "", "apprise nosuch": "Apprise does not understand its URL"}
    assert json.loads(inbox.take("http")["body"])["title"] == "[shop] web is crash-looping"
    inbox.refuse()
    assert "503" in send(folder, Alerts(apprise=(good,)))["apprise json"]


def test_settings_that_do_not_import_silence_e_mail_alone(inbox: Inbox, folder: Path) -> None:
    (folder / "shopsettings.py").write_text('raise SystemExit("password=hunter2")')
    said = send(folder, Alerts(email=("ops@example.com",), webhook=(inbox.url,)))
    assert said == {"email": "SystemExit: password=[hidden]", "webhook 127.0.0.1": ""}


def test_nothing_that_was_said_ends_a_header(inbox: Inbox, folder: Path) -> None:
    evil = replace(ITEM, process="web\r\nBcc: everybody@example.com\r\n\r\n<b>")
    send(folder, Alerts(email=("ops@example.com",)), replace(MESSAGE, site="a\nb", items=(evil,)))
    got = inbox.take("smtp")
    assert got["to"] == ["ops@example.com"]
    assert got["headers"]["Subject"] == "[a b] web Bcc: everybody@example.com <b> is crash-looping"
    assert "Bcc" not in got["headers"]


def test_nobody_there(folder: Path) -> None:
    said = send(folder, Alerts(webhook=("http://127.0.0.1:1/secret",), email=("ops@example.com",)))
    assert said["webhook 127.0.0.1"] == "connection refused"


def test_whom_a_webhook_names_is_not_told(inbox: Inbox) -> None:
    with pytest.raises(NotTaken, match="302, a redirect, which is not followed"):
        post_json(inbox.url.replace("/alerts", "/moved"), b"{}", "")
    assert [got["path"] for got in inbox.rest()] == ["/moved"]


def test_last_lines_are_those_of_then_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    said = ["early", "token: abc123", "key is swordfish!", "\x1b[31mred\x07"]
    at = as_stamp_of(NOW - 5)
    lines = [*(f"{at} {line}" for line in said), f"{as_stamp_of(NOW + 60)} much later"]
    (tmp_path / "log/web.1.log").write_text("".join(f"{line}\n" for line in lines))
    asked = Request(
        message=MESSAGE, directory=str(tmp_path), stack_directory=str(tmp_path), alerts=Alerts(lines=3), channels=()
    )
    found = complete(asked, {"MY_SECRET": "swordfish"}).items[0].troubles[0].lines
    assert found == ("token: [hidden]", "key is [hidden]!", "red\\x07")


def as_stamp_of(at: float) -> str:
    from datetime import UTC, datetime

    return as_stamp(datetime.fromtimestamp(at, UTC))


def test_the_release_is_found(tmp_path: Path) -> None:
    release = tmp_path / "releases" / "42" / "site"
    release.mkdir(parents=True)
    (tmp_path / "current").symlink_to(release)
    assert release_of(str(tmp_path / "current"), {}) == "42"
    assert release_of(str(tmp_path), {"SENTRY_RELEASE": "shop@7"}) == "shop@7"
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    name = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *name, "commit", "-q", "--allow-empty", "-m", "a"], cwd=tmp_path, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert release_of(str(tmp_path), {}) == head.stdout[:12]
    subprocess.run(["git", "pack-refs", "--all"], cwd=tmp_path, check=True)
    assert release_of(str(tmp_path), {}) == head.stdout[:12]


@pytest.mark.parametrize(
    ("item", "title"),
    [
        (ITEM, "web is crash-looping"),
        (replace(ITEM, state="recovered"), "web recovered after 60 s"),
        (replace(ITEM, state="stopped"), "web was stopped after 60 s"),
        (replace(ITEM, process=""), "the disk is full"),
        (replace(ITEM, process="", state="recovered"), "the disk has room again after 60 s"),
    ],
)
def test_in_words(item: Item, title: str) -> None:
    assert words.title(replace(MESSAGE, items=(item,))) == f"[shop] {title}"


def test_many_at_once_are_counted() -> None:
    many = tuple(replace(ITEM, process=f"web{number}") for number in range(30))
    title = words.title(replace(MESSAGE, items=many))
    assert title == "[shop] web0 is crash-looping, web1 is crash-looping, web2 is crash-looping, 27 more"


def test_the_page_shows_what_is_posted() -> None:
    """Its keys, in their order."""
    page = (Path(__file__).parents[2] / "docs/how-to/alerts.md").read_text()
    shown: dict[str, Any] = json.loads(page.partition("```json")[2].partition("```")[0])
    posted = words.data(MESSAGE)
    assert list(shown) == list(posted)
    item, shown_item = posted["alerts"][0], shown["alerts"][0]  # type: ignore[index]
    assert list(shown_item) == list(item)
    assert list(shown_item["troubles"][0]) == list(item["troubles"][0])
