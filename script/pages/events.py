"""The reference page of the events, the kinds that the history keeps: tests/docs keeps them those of the code."""

from __future__ import annotations

HEAD = """\
# Events

<!-- Written by script/reference.py from script/pages/events.py: change that, and run it. -->

What has happened to the site, kept in `history.sqlite` in the [stack directory](files.md). `procession events` shows
them, `procession events --json` prints one JSON object a line:

| field | |
|---|---|
| `id` | a number that grows |
| `at` | seconds since 1970, UTC |
| `kind` | one of the words below |
| `process`, `instance` | `web` and `web.1`; empty where it is about the whole stack |
| `pid` | of the instance's main process; 0 if there is none |
| `detail` | an object; what is in it is said below |
| `who` | who asked, such as `uid 1000 (operator)`, or `operator, through uid 33 (www-data)`; empty if nobody did |

The last 100,000 events are kept. The history is for people: nothing is decided from it, and a history that cannot be
written stops nothing.
"""

PARTS = {
    "What people asked for": {
        "applied": ("a declaration was put to work, by `up` or `update`", "`processes`: their names"),
        "start-asked": ("`start`", ""),
        "stop-asked": ("`stop`", ""),
        "restart-asked": ("`restart`", ""),
        "roll-asked": ("`roll`", ""),
        "reload-asked": ("`reload`", "`by`: `SIGHUP`, `roll` or `restart`, whichever it took"),
        "signal-sent": ("`signal`", "`signal`: its name"),
        "scaled": ("`scale`", "`replicas`: how many now"),
        "down": ("`down`, or the end of `up`: everything is stopped", ""),
    },
    "What became of an instance": {
        "waiting": ("it waits for what it depends on", "`for`: what that is, and how it stands"),
        "starting": ("it is being started", ""),
        "started": ("its program runs", ""),
        "ready": ("it is ready", ""),
        "roll-begun": ("a successor is started beside it", "`old_pid`: of the one that serves until then"),
        "roll-called-off": ("the successor was not ready, so the old one goes on", "`because`: what became of it"),
        "standby": ("another has the lock or the lease of this singleton", "`said`: who has it"),
        "unready": ("it was ready, and its readiness probe fails now", "`said`: what the probe saw"),
        "hung": (
            "its liveness probe failed too often; it leaves a traceback and is started again",
            "`said`: what the probe saw",
        ),
        "stopping": ("it was sent the first signal of its stop ladder", "`because`: why, if nobody asked for it"),
        "killing": ("its time was over: SIGKILL to all that was left", ""),
        "exited": (
            "its main process ended",
            "`status`: exit code, or minus the signal; null if not known. `text`; `killer`: if for lack of memory",
        ),
        "stopped": ("nothing of it is left, as was wanted", ""),
        "done": ("it ended well, and that was all it had to do", ""),
        "backoff": ("it died early, and waits before the next start", "`last_exit`, `deaths`: early ones in a row"),
        "crash-looping": ("it died early several times in a row", "`last_exit`, `deaths`"),
        "failed": ("it is not tried again until a person asks", "`last_exit`, `deaths`"),
        "spawn-failed": ("it could not be started", "`why`: what was tried, and what the system said"),
        "left-behind": ("some of its processes did not die of SIGKILL", "`processes`: pid and name"),
        "aged": ("it is as old as `MAX_AGE`, and is renewed", "`age_seconds`, `because`"),
        "outgrown": (
            "it uses more than its `memory`, which no cgroup holds it to, and is renewed",
            "`used_bytes`, `limit_bytes`, `because`",
        ),
        "out-of-memory": (
            "the kernel has killed some of its processes, which had no more memory",
            "`processes`: how many. `text`",
        ),
        "limits-not-held": ("nothing holds it to some of its limits", "`what`: each, and why"),
        "adopted": ("a new supervisor took it over, running", "`age_seconds`: since its start"),
    },
    "What became of us": {
        "listeners-passed": (
            "the supervisor was started with sockets, as by a systemd socket unit",
            "`taken`: those that a process serves; `closed`: the others",
        ),
        "supervisor-died": ("the supervisor ended without saying so; the recorder started it again", "`message`"),
        "reread": ("SIGHUP: `procession update` was run and has ended", "`code`: its exit code"),
        "upgraded": ("another version of Procession took over, without a gap", "`from`, `to`: the versions"),
        "alert-sent": (
            "people were told, by the channels of `ALERTS`",
            "`about`: the alerts and their state; `by`: the channels; `attempt`: which one it was",
        ),
        "alert-not-sent": (
            "a message did not get through, and is tried again",
            "`about`, `attempt`; `why`, by channel",
        ),
        "alert-given-up": ("a message was tried too often, or too many waited", "`about`, `attempt`, `why`"),
        "log-dropped": ("log lines could not be written, and were dropped", "`message`: how many, and why"),
        "history-dropped": ("events could not be written, and were dropped", "`message`: how many"),
    },
}


def events_page() -> str:
    """The whole page, in Markdown."""
    sections = [f"## {title}\n\n{_table(kinds)}" for title, kinds in PARTS.items()]
    return "\n\n".join([HEAD.strip(), *sections]) + "\n"


def _table(kinds: dict[str, tuple[str, str]]) -> str:
    rows = [f"| `{kind}` | {means} | {detail} |" for kind, (means, detail) in kinds.items()]
    return "\n".join(["| kind | what happened | detail |", "|---|---|---|", *rows])
