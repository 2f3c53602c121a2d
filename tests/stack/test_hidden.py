"""Which values nobody gets to see."""

from __future__ import annotations

import pytest

from procession.stack.hidden import hide, hide_in_argv, hide_in_line, is_secret


@pytest.mark.parametrize(
    "name",
    ["SECRET_KEY", "DB_PASSWORD", "DATABASE_PASSWD", "API_KEY", "STRIPE_KEY", "apikey", "SENTRY_DSN", "AUTH_TOKEN",
     "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "MYSQL_PWD", "GITHUB_PAT", "HASHIDS_SALT", "--basic-auth", "private-key"],
)  # fmt: skip
def test_secret(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["DEBUG", "KEYBOARD", "MONKEY", "PATH", "PWD", "AUTHOR", "keep-alive", "keyfile", "DJANGO_SETTINGS_MODULE", "PORT"],
)
def test_not_secret(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgres://site:hunter2@db:5432/site", "postgres://site:[hidden]@db:5432/site"),
        ("redis://:hunter2@host/0", "redis://:[hidden]@host/0"),
        ("amqp://user:p@ss@host//", "amqp://user:[hidden]@host//"),
        ("http://host:80/a@b", "http://host:80/a@b"),
        ("a b", "a b"),
    ],
)
def test_a_password_in_a_url_is_hidden(value: str, shown: str) -> None:
    assert hide("BROKER_URL", value) == shown


def test_an_empty_secret_is_seen_to_be_empty() -> None:
    assert hide("SECRET_KEY", "") == ""


def test_a_command_line() -> None:
    argv = ["x", "--token=abc", "--password", "def", "--db", "pg://a:b@c/", "--secret", "--next", "y"]
    assert hide_in_argv(argv) == [
        "x", "--token=[hidden]", "--password", "[hidden]", "--db", "pg://a:[hidden]@c/", "--secret", "--next", "y",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("password=hunter2 for x", "password=[hidden] for x"),
        ("SystemExit: password=hunter2", "SystemExit: password=[hidden]"),
        ("{'API_KEY': 'a b', \"debug\": 1}", "{'API_KEY': [hidden], \"debug\": 1}"),
        ("Connecting to redis://:pw@db/0", "Connecting to redis://:[hidden]@db/0"),
        ("it said swordfish twice", "it said [hidden] twice"),
        ("KeyError: 'passage' at 10:30", "KeyError: 'passage' at 10:30"),
    ],
)
def test_a_line_that_a_program_has_said(line: str, shown: str) -> None:
    assert hide_in_line(line, ["swordfish"]) == shown
