"""The stack: everything one site runs, complete and checked. Plain data, JSON both ways (see `codec`).

Two dataclasses say the same thing at two times. `Declaration` is what a person wrote about one process: its fields
are the settings keys (`STOP_TIMEOUT` is `stop_timeout`), None where nothing was said. `Process` is what will run, with
every blank filled by its backend. The reference page, the unknown-key error and `--help` are made from the fields.

A field's name ends in its unit; the settings key leaves it out (`stop_timeout_seconds` is STOP_TIMEOUT, see
`settings_key`), because a person may write 30, "30s" or "5m", 1024 or "512M".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

UNITS = ("_seconds", "_bytes")


def settings_key(field_name: str) -> str:
    """The key that a person writes for a field: `stop_timeout_seconds` is STOP_TIMEOUT. Any case is accepted."""
    for unit in UNITS:
        field_name = field_name.removesuffix(unit)
    return field_name.upper()


def setting(doc: str, *, default: Any = None, form: str = "") -> Any:
    """A field that a person may write: `doc` is its line in the reference, `form` names an unusual way to write it."""
    metadata = {"doc": doc, "form": form}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


class Kind(StrEnum):
    PROCESS = "process"  # long-running
    TASK = "task"  # runs to completion


class ProbeType(StrEnum):
    HTTP = "http"  # GET `path` on `address`
    TCP = "tcp"  # connect to `address`
    EXEC = "exec"  # `command` exits 0
    FILE = "file"  # `file` exists, and is younger than `max_age_seconds` where that is said
    NOTIFY = "notify"  # the program says READY=1 itself (sd_notify on NOTIFY_SOCKET)
    HEARTBEAT = "heartbeat"  # the procession Django app touches a file for as long as the program's main loop turns
    APP = "app"  # the procession Django app says READY=1 from inside the program, once the site's code is loaded
    NONE = "none"  # ready as soon as it is exec'd


class RestartWhen(StrEnum):
    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


class Condition(StrEnum):
    """What a dependency must have reached."""

    STARTED = "started"
    READY = "ready"
    COMPLETED = "completed"  # a task that ended well


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was declared: `PRODUCTION_PROCESSES["web"]` of mysite.settings, or line 3 of Procfile."""

    source: str = ""  # "settings", "procfile", "toml"
    file: str = ""  # path, or dotted module name for settings
    line: int = 0
    key: str = ""

    def text(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return " in ".join(part for part in (self.key, place) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How to learn whether an instance is ready, or alive."""

    type: ProbeType = setting("How: http, tcp, exec, file, notify, heartbeat, app or none", default=ProbeType.HTTP)
    path: str = setting("http: the path to GET", default="/")
    address: str = setting('http, tcp: "host:port" or "unix:/path"; the first listener if not said', default="")
    host: str = setting("http: the Host header; the address if not said", default="")
    https: bool = setting("http: say X-Forwarded-Proto: https, for a site that redirects to it", default=False)
    status: tuple[int, ...] = setting(
        "http: the statuses that are good; those of `status_below` if not said", default=()
    )
    status_below: int = setting("http: any status below this is good", default=400)
    command: tuple[str, ...] = setting("exec: the command; good if it exits 0", default=())
    file: str = setting("file: its path, from the process's directory", default="")
    max_age_seconds: float = setting(
        "file: it must be younger than this, 0 is any age; heartbeat: the longest time without a beat, 0: a minute",
        default=0.0,
    )
    interval_seconds: float = setting("Time between two probes", default=5.0)
    timeout_seconds: float = setting("Time that one probe may take", default=5.0)
    failures: int = setting(
        "So many failures in a row, and it is no longer ready (or alive); 0: asked only until it is ready",
        default=3,
    )
    within_seconds: float = setting(
        "Startup, readiness: it must be good this long after it is first asked, else it is stopped and started again",
        default=60.0,
    )


@dataclass(frozen=True, slots=True)
class StopStep:
    """One step of the stop ladder: send `signal` to the main process, then give it `seconds` to end."""

    signal: str  # "TERM", as signal.Signals names it without SIG
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The wait before the next start, after deaths in a row that came before the process was steady."""

    first_seconds: float = setting("Wait after the first early death", default=0.5)
    longest_seconds: float = setting("The wait doubles up to this", default=60.0)
    steady_seconds: float = setting(
        "An instance that was ready this long counts as steady: its next start waits for nothing", default=5.0
    )
    crash_loop: int = setting("So many early deaths in a row are called crash-looping", default=3)
    give_up: int = setting(
        "So many early deaths in a row and it is failed, until a person starts it; 0 is never", default=0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one instance may use. 0 is no limit."""

    memory_bytes: int = setting(
        "Memory of an instance's whole tree: by a cgroup where one can be had, else it is renewed when it uses more",
        default=0,
    )
    cpu: float = setting('Cores of processor time: 1.5, or "150%"; needs a cgroup', default=0.0)
    files: int = setting("Open files (RLIMIT_NOFILE); if not said, what the supervisor was started with", default=0)
    processes: int = setting(
        "Processes and threads of its tree, by a cgroup; without one, those of its whole user (RLIMIT_NPROC)",
        default=0,
    )
    core_bytes: int = setting("Size of a core dump (RLIMIT_CORE); -1 is what the system says", default=-1)
    nice: int = setting("Niceness, -20 to 19", default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Where an instance's lines go, and how long they are kept."""

    file: str = setting("Path of the log file; {instance} stands for web.1", default="log/{instance}.log")
    max_size_bytes: int = setting("A file is rotated when it is larger", default=20 * 2**20)
    max_age_seconds: float = setting("A file is rotated when it is older; 0 is never", default=0.0)
    keep: int = setting("So many rotated files are kept", default=10)
    compress: bool = setting("Compress rotated files (gzip)", default=True)


@dataclass(frozen=True, slots=True)
class Dependency:
    """`name` must have reached `condition` before a dependent starts."""

    name: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Listener:
    """An address that a process serves. The embedded supervisor binds it and hands the socket over.

    `bind` is "127.0.0.1:8000", "[::1]:8000" or "unix:/path" (absolute).
    """

    bind: str
    backlog: int = 2048
    mode: int = 0o666  # of a unix socket: what gunicorn and uvicorn give theirs
    user: str = ""  # whose a unix socket is; "" is the supervisor's own
    group: str = ""


class AlertKind(StrEnum):
    """What people are told of by themselves."""

    FAILED = "failed"
    CRASH_LOOPING = "crash-looping"
    UNREADY = "unready"
    OUT_OF_MEMORY = "out-of-memory"
    SINGLETON_LOST = "singleton-lost"  # its lease is another's, or nobody knows whose
    DISK_FULL = "disk-full"


ALERT_ADMINS = "admins"  # in EMAIL: whoever Django's ADMINS names
ALERT_SITE = "site"  # in SENTRY: the DSN that the site itself uses


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Who is told when something goes wrong, and when it is well again."""

    email: tuple[str, ...] = setting(
        "Addresses, by the site's own e-mail settings; true: those of ADMINS", default=(), form="addresses, or true"
    )
    webhook: tuple[str, ...] = setting("Addresses (http, https) that each message is posted to, as JSON", default=())
    webhook_secret: str = setting("Signs what is posted: HMAC-SHA256, in X-Procession-Signature", default="")
    apprise: tuple[str, ...] = setting("Apprise URLs: Slack, Matrix, Telegram, ... (`procession[alerts]`)", default=())
    sentry: str = setting("A DSN; true: that of the site's sentry_sdk, or SENTRY_DSN", default="", form="text or true")
    kinds: tuple[AlertKind, ...] = setting(
        "Only these of: " + ", ".join(AlertKind), default=tuple(AlertKind), form="list"
    )
    lines: int = setting("So many of the last lines that an instance in trouble has said", default=20)
    unready_after_seconds: float = setting("What is unready is told when it has been so for this long", default=30.0)
    recovered_after_seconds: float = setting(
        "It is over when all has been well for this long; twice as long each time that it comes back within an hour",
        default=60.0,
    )
    collect_seconds: float = setting("What comes within this goes into one message", default=10.0)
    hourly: int = setting("So many messages in an hour; what comes then is collected into the next one", default=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a person wrote about one process. None: nothing was said, the backend's own value holds."""

    backend: str | None = setting('The server program: "gunicorn", "celery-worker", ... or a dotted path')
    app: str | None = setting("The application: celery's app, or module:callable of a web server; found if not said")
    args: Mapping[str, Any] | tuple[str, ...] = setting(
        "The server program's own options, as a mapping, a list or a string", default={}
    )
    command: tuple[str, ...] | None = setting("Any command at all, as a list or a string; backend `command`")
    type: Kind | None = setting("`process` runs on; `task` runs to its end, once, before what depends on it")
    replicas: int | None = setting("How many instances", default=None)
    max_surge: int | None = setting("How many instances a roll may start beside the old ones; 1 if not said")
    env: Mapping[str, str] = setting("Environment variables; they win over ENV_FILE", default={})
    env_file: tuple[str, ...] = setting("Env files, read at each start; a later one wins", default=())
    directory: str | None = setting("The working directory; the project's if not said")
    user: str | None = setting("Run as this user (needs root)")
    group: str | None = setting("Run as this group (needs root)")
    umask: int | None = setting('File mode mask, an octal string such as "027"', form="octal")
    socket_mode: int | None = setting(
        'File mode of its unix sockets, an octal string such as "660"; what the server gives its own if not said',
        form="octal",
    )
    socket_owner: str | None = setting(
        'Owner of its unix sockets, "user" or "user:group" (needs root); USER and GROUP if not said'
    )
    depends_on: tuple[Dependency, ...] = setting(
        "What must be there first: a name, or {name: started|ready|completed}", default=()
    )
    startup: Probe | None = setting("How it is known that an instance has started; nothing else is asked before")
    readiness: Probe | None = setting("How it is known that an instance may get traffic")
    liveness: Probe | None = setting("How it is known that an instance hangs and must be restarted")
    stop_timeout_seconds: float | None = setting("Time for a graceful stop; every nested timeout follows from it")
    stop: tuple[StopStep, ...] | None = setting('The stop ladder: [["TERM", 30], ["QUIT", 5]], then SIGKILL')
    restart: RestartWhen | None = setting("always, on-failure or never")
    backoff: Backoff | None = setting("How restarts slow down")
    limits: Limits | None = setting("Memory, processor and files")
    max_age_seconds: float | None = setting("An instance as old as this, give or take a tenth, is renewed; 0 is never")
    no_new_privs: bool | None = setting("Nothing that it runs gains rights by setuid or file capabilities (no sudo)")
    log: Log | None = setting("Log file and rotation")
    tty: bool | None = setting("Give it a terminal, for `procession attach` and breakpoint()")
    prometheus: bool | None = setting(
        "Give it a directory (PROMETHEUS_MULTIPROC_DIR) in which prometheus_client adds all processes up"
    )
    singleton: bool | None = setting("Never two at once, whatever happens")
    lease: str | None = setting(
        'Of a singleton: never two on all hosts together, by a lease in the "database" or in "redis://..."; "" is none'
    )
    watch: tuple[str, ...] | None = setting(
        "`procession dev`: a change of these files restarts it; patterns as in .gitignore, False is none",
        form="patterns",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What a person wrote for all processes (PRODUCTION_STACK). A process's own value wins; mappings merge by key."""

    name: str | None = setting("The stack's name; the project directory's if not said")
    env: Mapping[str, str] = setting("Environment variables of every process", default={})
    env_file: tuple[str, ...] = setting("Env files of every process that names none", default=())
    directory: str | None = setting("The working directory; the project's if not said")
    user: str | None = setting("Run as this user (needs root)")
    group: str | None = setting("Run as this group (needs root)")
    umask: int | None = setting('File mode mask, an octal string such as "027"', form="octal")
    stop_timeout_seconds: float | None = setting("Time for a graceful stop")
    restart: RestartWhen | None = setting("always, on-failure or never")
    backoff: Backoff | None = setting("How restarts slow down")
    limits: Limits | None = setting("Memory, processor and files")
    no_new_privs: bool | None = setting("Nothing that they run gains rights by setuid or file capabilities (no sudo)")
    log: Log | None = setting("Log file and rotation")
    prometheus: bool | None = setting(
        "Give them a directory (PROMETHEUS_MULTIPROC_DIR) in which prometheus_client adds all processes up"
    )
    lease: str | None = setting(
        'What keeps a singleton the only one on all hosts together: "database" or "redis://..."; "" is nothing'
    )
    alerts: Alerts | None = setting("Who is told when something goes wrong, and how")
    engines: Mapping[str, Mapping[str, Any]] = setting(
        'What an engine is told: {"systemd": {...}}; the keys are those of its own page', default={}
    )
    services: Mapping[str, Mapping[str, Any]] = setting(
        'What the site needs beside it, for engines that bring it along: {"db": {"TYPE": "postgresql"}}', default={}
    )


COMMON_ALONE = frozenset({"name", "alerts", "engines", "services"})
"""What of Common is said of the stack, and not of each process."""

LIVE_FIELDS = frozenset(
    {
        *("replicas", "depends_on", "restart", "backoff", "log", "singleton", "origin"),
        *("reload_signal", "max_age_seconds", "watch"),
    }
)
"""What of a process can change without a new start: it is read when it is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process or task, complete: what an engine needs to run it, and nothing that it must ask for.

    `argv` serves by itself. `handoff` is the argv to use instead when `listeners` are handed over as fds 3, 4, ...
    (LISTEN_FDS and LISTEN_PID are set then, too); empty when the program cannot take them.
    """

    name: str
    kind: Kind
    backend: str
    argv: tuple[str, ...]
    handoff: tuple[str, ...] = ()
    listeners: tuple[Listener, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    env_files: tuple[str, ...] = ()  # absolute paths, read at each start; `environment` wins over them
    directory: str
    user: str = ""
    group: str = ""
    umask: int | None = None
    replicas: int = 1
    max_surge: int = 1
    depends_on: tuple[Dependency, ...] = ()
    startup: Probe | None = None  # until it was good once, neither of the others is asked
    readiness: Probe = field(default_factory=Probe)
    tells_ready: bool = False  # the site's own word comes besides, whatever `readiness` asks: see ProbeType.APP
    workers: int = 1  # that load the site each, and give that word
    liveness: Probe | None = None
    stop: tuple[StopStep, ...] = (StopStep("TERM", 30.0),)
    reload_signal: str = ""  # "" where the program has no safe one
    success: tuple[int, ...] = (0,)  # exits that count as ended well; -15 is death by SIGTERM
    restart: RestartWhen = RestartWhen.ALWAYS
    backoff: Backoff = field(default_factory=Backoff)
    limits: Limits = field(default_factory=Limits)
    max_age_seconds: float = 0.0
    no_new_privs: bool = False
    log: Log = field(default_factory=Log)
    tty: bool = False
    prometheus: bool = False  # it gets a directory for prometheus_client, which is emptied at the right moments
    singleton: bool = False
    watch: tuple[str, ...] = ()  # patterns as .gitignore writes them, for `procession dev`
    lock: str = ""  # of a singleton: what it is on this host, whatever directory it is started from; a file's name
    lease: str = ""  # of one whose argv runs it under a lease: the lease's name
    origin: Origin = field(default_factory=Origin)

    def may_go_on_as(self, new: Process) -> bool:
        """Whether what runs as declared here may go on when `new` is declared: they differ in LIVE_FIELDS alone."""
        return self == replace(new, **{name: getattr(self, name) for name in LIVE_FIELDS})

    @property
    def stop_seconds(self) -> float:
        """The whole ladder's length: after this, SIGKILL."""
        return sum(step.seconds for step in self.stop)

    def instances(self) -> tuple[str, ...]:
        """The names of the declared instances: web.1, web.2, ..."""
        return tuple(f"{self.name}.{number}" for number in range(1, self.replicas + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Static:
    """The site's static files, as Django's settings have them."""

    url: str = ""  # STATIC_URL: "/static/", or a whole URL where somebody else serves them
    root: str = ""  # STATIC_ROOT, absolute: where collectstatic puts them; "" where it is not said


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Everything one site runs. `processes` are in start order: what is depended on comes first."""

    name: str
    directory: str  # the project's
    processes: tuple[Process, ...]
    engines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # raw: each engine reads its own
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # raw, too
    static: Static = field(default_factory=Static)  # for a server in front
    sqlite: str = ""  # the file that is its database, absolute; "" where it is no file
    alerts: Alerts | None = None
    alerter: tuple[str, ...] = ()  # the command that sends an alert, which it reads on its stdin; with `alerts`
    reread: tuple[str, ...] = ()  # the command that reads the declaration anew and applies it; run on SIGHUP
    version: int = 1  # of this format

    def process(self, name: str) -> Process | None:
        return next((process for process in self.processes if process.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Facts about the site that a backend needs. A short-lived child reads them in the site's Python."""

    directory: str  # where manage.py or procession.toml is; the working directory of the processes
    python: str  # the interpreter that runs the site
    settings_module: str = ""  # DJANGO_SETTINGS_MODULE; "" without Django
    wsgi: str = ""  # "mysite.wsgi:application"; "" if not known
    asgi: str = ""
    has_app: bool = False  # "procession" is in INSTALLED_APPS, so it can tell readiness from inside
    installed_apps: tuple[str, ...] = ()
    static: Static = field(default_factory=Static)
    mailer: str = ""  # EMAIL_BACKEND
    admins: tuple[str, ...] = ()  # the addresses in ADMINS
    database: str = ""  # what its data is, the same for all its hosts: "postgresql://db:5432/site"; "" for a file
    sqlite: str = ""  # that file, absolute

    def environment(self) -> dict[str, str]:
        """The settings that the stack was read from: a site's wsgi.py may name others, which it then does not get."""
        return {"DJANGO_SETTINGS_MODULE": self.settings_module} if self.settings_module else {}
