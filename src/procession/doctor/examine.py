"""All examinations, in the order in which one may be the cause of what the next finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from procession.doctor.case import Case
from procession.doctor.deaths import examine_deaths
from procession.doctor.declaration import examine_declaration
from procession.doctor.disk import examine_disk
from procession.doctor.finding import Finding, Weight, arrange
from procession.doctor.interpreter import examine_interpreter
from procession.doctor.machine import examine_clock, examine_limits
from procession.doctor.memory import examine_memory
from procession.doctor.permissions import examine_permissions
from procession.doctor.ports import examine_ports
from procession.doctor.site import examine_hosts, examine_needs, examine_site
from procession.doctor.supervision import examine_orphans, examine_stopped, examine_supervisor
from procession.doctor.timeouts import examine_timeouts

Examination = Callable[[Case], Iterable[Finding]]

EXAMINATIONS: Final[dict[str, Examination]] = {
    "disk": examine_disk,
    "memory": examine_memory,
    "interpreter": examine_interpreter,
    "permissions": examine_permissions,
    "declaration": examine_declaration,
    "ports": examine_ports,
    "site": examine_site,
    "database, cache, migrations, broker": examine_needs,
    "hosts": examine_hosts,
    "deaths": examine_deaths,
    "supervisor": examine_supervisor,
    "stopped": examine_stopped,
    "orphans": examine_orphans,
    "clock": examine_clock,
    "limits": examine_limits,
    "timeouts": examine_timeouts,
}


OF_THE_SITE: Final = frozenset({"site", "database, cache, migrations, broker", "hosts"})
"""Those that need the site's own report."""


def examine(case: Case) -> list[Finding]:
    """All that is found, the cause first."""
    return arrange(finding for name in EXAMINATIONS for finding in _try(name, case))


def _try(name: str, case: Case) -> list[Finding]:
    """One that the system refuses to answer (a file of another user) is said, and stops no other."""
    try:
        return list(EXAMINATIONS[name](case))
    except OSError as error:
        what = f"could not look at: {name}: {error.filename or ''} {error.strerror or error}"
        return [Finding(weight=Weight.RISK, about=f"not seen {name}", what=" ".join(what.split()))]
