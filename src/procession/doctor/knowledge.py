"""What an error's words mean: a table. From an exception's last line, or a server's, to what is wrong and what to do.

The words are those of Django 5.2, psycopg 3, sqlite 3, redis-py, kombu, gunicorn and the C library; a test meets each
that matters most in a real program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """`about`, `what` and `fix` may hold the pattern's groups: {user}. `about` is as in `Finding`."""

    about: str
    pattern: re.Pattern[str]
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Explanation:
    about: str
    what: str
    fix: str


def _means(about: str, pattern: str, what: str, fix: str) -> Meaning:
    return Meaning(about, re.compile(pattern), what, fix)


SET_IT = "set it in an env file that ENV_FILE names, or for whoever starts the supervisor; then: procession update"
DATABASE_FIX = 'start it, or correct HOST and PORT in DATABASES["default"]'

MEANINGS: tuple[Meaning, ...] = (
    # ---------------------------------------------------------------------------------------------- settings and code
    _means(
        "variable",
        r"""KeyError: ["'](?P<name>[A-Z][A-Z0-9_]{2,})["']""",
        "the environment variable {name} is not set",
        SET_IT,
    ),
    _means(
        "variable",
        r"(?:Set the (?P<name>[A-Z][A-Z0-9_]*) environment variable|UndefinedValueError: (?P<other>\w+) not found)",
        "the environment variable {name}{other} is not set",
        SET_IT,
    ),
    _means(
        "variable",
        r"The (?P<name>SECRET_KEY) setting must not be empty",
        "the setting {name} is empty: the secret is missing",
        SET_IT,
    ),
    _means(
        "env file",
        r"cannot read env file (?P<path>[^:\n]+): (?P<why>.*)",
        "the env file {path} cannot be read: {why}",
        "write it where ENV_FILE says, readable for whoever runs the supervisor; or correct ENV_FILE",
    ),
    _means(
        "module",
        r"ModuleNotFoundError: No module named ['\"](?P<module>[\w.]+)['\"]",
        'the site imports "{module}", which this Python does not have',
        "install it into the site's environment ({python} -m pip install {module}), or correct the import",
    ),
    _means(
        "import",
        r"ImportError: (?P<why>.+)",
        "an import of the site fails: {why}",
        "correct the import, or install a version that has that name",
    ),
    _means(
        "syntax",
        r"(?P<why>(?:SyntaxError|IndentationError|TabError): .+)",
        "the site's code does not compile: {why}",
        "correct that line, or run the Python version it was written for",
    ),
    # ------------------------------------------------------------------------------------------------------- database
    _means(
        "database password",
        r'(?:password authentication failed for user|Access denied for user) ["\'](?P<user>[^"\']+)["\']',
        'the database refuses the password of user "{user}"',
        'correct DATABASES["default"]["PASSWORD"], or the database\'s: ALTER ROLE "{user}" PASSWORD \'...\'',
    ),
    _means(
        "database password",
        r"fe_sendauth: no password supplied",
        "the database wants a password, and DATABASES has none",
        'set DATABASES["default"]["PASSWORD"]; if it comes from the environment, that is not set',
    ),
    _means(
        "database user",
        r'role "(?P<user>[^"]+)" does not exist',
        'the database has no user "{user}"',
        'create it: CREATE ROLE "{user}" LOGIN PASSWORD \'...\'; or correct DATABASES["default"]["USER"]',
    ),
    _means(
        "database name",
        r'database "(?P<name>[^"]+)" does not exist',
        'the server has no database "{name}"',
        'create it: CREATE DATABASE "{name}"; or correct DATABASES["default"]["NAME"]',
    ),
    _means(
        "database full",
        r"(?:too many clients already|remaining connection slots are reserved|too many connections)",
        "the database has no room for another connection",
        "run fewer workers, lower CONN_MAX_AGE, or raise max_connections in the database",
    ),
    _means(
        "database down",
        r'connection to server at "(?P<host>[^"]+)"(?: \([^)]*\))?, port (?P<port>\d+) failed: Connection refused',
        "the database is down: nobody listens at {host}:{port}",
        DATABASE_FIX,
    ),
    _means(
        "database down",
        r'connection to server on socket "(?P<path>[^"]+)" failed: (?:No such file or directory|Connection refused)',
        "the database is down: nobody listens at {path}",
        DATABASE_FIX,
    ),
    _means(
        "database down",
        r"(?:Can't connect to (?:local )?MySQL server|the database system is (?:starting up|shutting down))",
        "the database is down, or only starting",
        DATABASE_FIX,
    ),
    _means(
        "database down",
        r"(?:server closed the connection unexpectedly|terminating connection due to administrator command)",
        "the database closed the connection: it was stopped, or started again",
        "look at the database's own log",
    ),
    _means(
        "name",
        r"(?:could not translate host name|failed to resolve host) [\"'](?P<host>[^\"']+)[\"']",
        'the host name "{host}" cannot be looked up',
        "correct it in DATABASES, or the name service (/etc/hosts, /etc/resolv.conf)",
    ),
    _means(
        "migrations",
        r'(?:no such table: (?P<table>\S+)|relation "(?P<relation>[^"]+)" does not exist|not applied: (?P<names>.+))',
        "migrations are not applied: the database does not have {table}{relation}{names}",
        "apply them: procession run -- python manage.py migrate; or declare a task `migrate` that web depends on",
    ),
    _means(
        "sqlite file",
        r"there is no such file: (?P<path>.+)",
        "the SQLite database is not there: {path}",
        'make it: procession run -- python manage.py migrate; or correct DATABASES["default"]["NAME"]',
    ),
    _means(
        "sqlite file",
        r"unable to open database file",
        "the SQLite file cannot be opened: its folder is missing, or not to be written to by this user",
        "make the folder, and give it to the user that runs the site (SQLite writes a journal beside the file)",
    ),
    _means(
        "sqlite file",
        r"attempt to write a readonly database",
        "the SQLite file cannot be written by the user that runs the site",
        "give the file and its folder to that user: chown",
    ),
    _means(
        "sqlite lock",
        r"database is locked",
        "SQLite is locked by another process for longer than its timeout",
        'raise DATABASES["default"]["OPTIONS"]["timeout"], use WAL, or a database server',
    ),
    # ----------------------------------------------------------------------------------------------------- the machine
    _means(
        "disk",
        r"(?:No space left on device|database or disk is full|Disk quota exceeded)",
        "a disk is full, or a quota is used up",
        "make room: df -h and df -i say where",
    ),
    _means(
        "memory",
        r"(?:MemoryError|[Cc]annot allocate memory|std::bad_alloc|killed by .*out of memory)",
        "it runs out of memory",
        "run fewer workers, raise LIMITS[\"MEMORY\"] or the machine's memory, or find what grows",
    ),
    _means(
        "permission",
        r"PermissionError: \[Errno 13\] Permission denied: '(?P<path>[^']+)'",
        "the site's user may not open {path}",
        "give it to that user: chown or chmod; `procession doctor` run as root says which folder stops it",
    ),
    _means(
        "files",
        r"(?:Too many open files|\[Errno 24\])",
        "it has as many files open as it may",
        'raise LIMITS["FILES"], or find what does not close its files',
    ),
    # ---------------------------------------------------------------------------------------------------------- ports
    _means(
        "port",
        r"cannot listen on (?P<bind>\S+): address in use by pid (?P<pid>\d+) \((?P<program>[^)]*)\)",
        "port taken: {bind} is in use by pid {pid} ({program})",
        "stop that process (kill {pid}), or bind to another address",
    ),
    _means(
        "port",
        r"(?:Connection in use: \('(?P<host>[^']*)', (?P<port>\d+)\)|(?:Address|That port is) already in use)",
        "port taken: another process listens there {host} {port}",
        "stop it (ss -ltnp names it), or bind to another address",
    ),
    _means(
        "port",
        r"cannot listen on (?P<bind>\S+): Permission denied",
        "this user may not listen on {bind}",
        "start the supervisor as root with USER, take a port above 1023, or give it a folder of its own for the socket",
    ),
    # ------------------------------------------------------------------------------------------- broker, cache and web
    _means(
        "broker down",
        r"(?:Error 111 connecting to (?P<place>\S+?)\. |Cannot connect to (?P<url>\w+://\S+?): .*Connection refused"
        r"|Error 2 connecting to unix:?/*(?P<path>\S+?)\. )",
        "the broker is down: nobody listens at {place}{url}{path}",
        "start it, or correct the broker's URL in the settings",
    ),
    _means(
        "broker password",
        r"(?:WRONGPASS|NOAUTH|ACCESS_REFUSED|invalid username-password pair|Authentication required)",
        "the broker refuses the password",
        "correct the user and password in the broker's URL",
    ),
    _means(
        "hosts",
        r"Invalid HTTP_HOST header: ['\"](?P<host>[^'\"]+)['\"]",
        "ALLOWED_HOSTS does not have {host}, so the site answers 400",
        "add it to ALLOWED_HOSTS, or have the probe say a host that is in it: READINESS: {{\"host\": \"...\"}}",
    ),
    # ----------------------------------------------------------------------------------------------------- the program
    _means(
        "program",
        r"cannot run (?P<path>\S+): (?P<why>.+)",
        "the program {path} cannot be run: {why}",
        "make the virtual environment anew, or correct the path",
    ),
    _means(
        "directory",
        r"cannot enter its directory (?P<path>\S+): (?P<why>.+)",
        "its directory {path} cannot be entered: {why}",
        "make it, let the user that runs the site enter it, or correct DIRECTORY",
    ),
)  # fmt: skip


def explain(text: str, *, python: str = "python") -> Explanation | None:
    """What these words mean; None if they are not known. The table's order decides."""
    for meaning in MEANINGS:
        found = meaning.pattern.search(text)
        if found:
            words = {name: value or "" for name, value in found.groupdict().items()} | {"python": python}
            what, fix = (" ".join(part.format(**words).split()) for part in (meaning.what, meaning.fix))
            return Explanation(meaning.about, what, fix)
    return None


def explain_lines(lines: Iterable[str], *, python: str = "python") -> tuple[Explanation, str] | None:
    """Of the newest line whose words are known: what they mean, and the line itself."""
    for line in reversed(list(lines)):
        explanation = explain(line, python=python)
        if explanation is not None:
            return explanation, line.strip()
    return None
