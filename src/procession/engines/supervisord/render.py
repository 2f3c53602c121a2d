"""Stack -> supervisord.conf, a file for each task, and the unit that starts it all at boot."""

from __future__ import annotations

from procession.engines.base import Rendering
from procession.engines.files import File
from procession.engines.supervisord import options as where
from procession.engines.supervisord.launched import task_file
from procession.engines.supervisord.options import Options
from procession.engines.supervisord.problems import find_problems
from procession.engines.supervisord.program import Section, sections
from procession.engines.supervisord.unit import unit
from procession.engines.text import supervisord as text
from procession.stack.model import Kind, Stack

PRIORITY_FIRST = 100
DESCRIPTORS_DEFAULT = 1024  # `minfds` of supervisord 4.3, where the file does not say it
DESCRIPTORS_EACH = 5  # what a program takes of supervisord's, by `benchmarks/scale --peers supervisord`
DESCRIPTORS_OF_ITS_OWN = 100
PRIORITY_STEP = 10

HEAD = """\
; One supervisord for this site alone. Nothing of it needs root or sudo: whoever may enter this directory may drive it,
; with `procession`, or with `supervisorctl -c supervisord.conf`.
"""


def render(stack: Stack, options: Options) -> Rendering:
    """Pure, but for the paths of Python and of supervisord, which are this machine's."""
    problems = tuple(find_problems(stack, options))
    if any(problem.is_error for problem in problems):
        return Rendering(files=(), problems=problems)
    tasks = [process for process in stack.processes if process.kind is Kind.TASK]
    conf = File(path=where.CONF, text=_conf(stack, options), mode=0o600, comment="; {}")
    return Rendering(files=(conf, *map(task_file, tasks), unit(stack, options)), problems=problems)


def _conf(stack: Stack, options: Options) -> str:
    folder = where.directory(stack, options)
    priorities = _priorities(stack)
    programs: dict[str, Section] = {}
    is_told = where.is_of_one_user(stack)
    for process in stack.processes:
        tells = is_told and process.tells_ready
        programs.update(sections(process, folder, priority=priorities[process.name], tells=tells))
    found = {**_own_sections(stack, len(programs)), **programs}
    return HEAD + "".join(map(_section, found, found.values()))


def _section(name: str, options: Section) -> str:
    lines = "".join(f"{key}={value}\n" for key, value in options.items())
    return f"\n[{name}]\n{lines}"


def _own_sections(stack: Stack, programs: int) -> dict[str, Section]:
    user = where.owner(stack)[0]
    descriptors = DESCRIPTORS_OF_ITS_OWN + DESCRIPTORS_EACH * programs
    supervisord = {
        "logfile": f"%(here)s/{where.LOG}",
        "pidfile": f"%(here)s/{where.PID}",
        "childlogdir": "%(here)s",
        **({"user": text.supervisord_value(user)} if user else {}),
        **({"minfds": str(descriptors)} if descriptors > DESCRIPTORS_DEFAULT else {}),
    }
    return {
        "supervisord": supervisord,
        "unix_http_server": {"file": f"%(here)s/{where.SOCKET}", "chmod": "0700"},
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        "supervisorctl": {"serverurl": f"unix://%(here)s/{where.SOCKET}"},
    }


def _priorities(stack: Stack) -> dict[str, int]:
    """By the longest chain of what must be there before; the processes are in start order."""
    depths: dict[str, int] = {}
    for process in stack.processes:
        needed = [depths[dependency.name] for dependency in process.depends_on if dependency.name in depths]
        depths[process.name] = max(needed, default=-1) + 1
    return {name: PRIORITY_FIRST + PRIORITY_STEP * depth for name, depth in depths.items()}
