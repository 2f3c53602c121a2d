"""`python -m procession.lease --name beat --in redis://cache:6379/0 -- celery -A site beat`: runs it under a lease.

The standard library alone: what holds a lease in Redis weighs 10 MB, and the site is not imported. For a lease in the
site's database see `procession.django.lease`, which takes the same options.
"""

from __future__ import annotations

import os
import sys
from functools import partial

if __name__ == "__main__":  # with -I nothing but the standard library is on the path
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from procession.lease.contest import Terms
from procession.lease.holder import Holder, Ticket, exit_as
from procession.lease.redis import Redis
from procession.lease.store import REDIS_SCHEMES, StoreError
from procession.lease.usage import EXIT_USAGE, Wanted, read_arguments


def main() -> None:
    wanted = read_arguments(sys.argv[1:])
    if isinstance(wanted, Wanted) and not wanted.store.startswith(REDIS_SCHEMES):
        wanted = "--in must be a URL of Redis here: redis://host:6379/0"
    if isinstance(wanted, str):
        print(f"procession: lease: {wanted}", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    try:
        Redis(wanted.store)
    except StoreError as error:
        print(f"procession: lease: {error}", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    wanted.tell_child()
    ticket = Ticket(
        name=wanted.name,
        argv=wanted.argv,
        open_store=partial(Redis, wanted.store),
        terms=Terms(),
        is_fenced=not wanted.is_task,
        try_seconds=wanted.try_seconds,
    )
    exit_as(Holder(ticket).run())


if __name__ == "__main__":
    main()
