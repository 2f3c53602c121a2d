"""The directory of a site's supervisord: for one user alone, whoever has made it."""

from __future__ import annotations

import os

from procession.engines.base import Asked
from procession.engines.steps import Command, Steps
from procession.engines.supervisord.options import STACK_DIRECTORY, owner
from procession.engines.supervisord.places import folders
from procession.engines.supervisord.waiting import well
from procession.owner import find_owner
from procession.refusal import Refusal


def make_room(asked: Asked) -> Steps[None]:
    """A directory for one user alone; as root, that user's, who must also get to it: the stack directory is root's."""
    yield Command(argv=("mkdir", "-p", *folders(asked)))
    yield Command(argv=("chmod", "0700", asked.directory))
    yield from give_to_owner(asked)
    if os.path.dirname(asked.directory) == os.path.join(asked.stack.directory, STACK_DIRECTORY):
        yield from _let_in(asked, os.path.dirname(asked.directory))


def give_to_owner(asked: Asked) -> Steps[None]:
    """What root has written. Raises Refusal."""
    user, group = owner(asked.stack)
    if user and os.geteuid() == 0:
        given = Command(argv=("chown", "-R", f"{user}:{group}", asked.directory))
        yield from well(given, f"cannot give {asked.directory} to {user}")


def _let_in(asked: Asked, folder: str) -> Steps[None]:
    """To what is below it, not to list it. Raises Refusal."""
    user, group = owner(asked.stack)
    if user and os.geteuid() == 0:
        try:
            gid = str(find_owner(user, group).gid)
        except LookupError as error:
            raise Refusal(f"supervisord cannot run as {user}: {error}") from error
        yield from well(Command(argv=("chgrp", gid, folder)), f"cannot let {user} into {folder}")
        yield from well(Command(argv=("chmod", "g+x", folder)), f"cannot let {user} into {folder}")
