"""USER and GROUP of a process: who that is on this machine, and becoming them. One way for all that start a program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Owner(NamedTuple):
    """`name` and `home` are "" for a number that the user database does not have."""

    uid: int
    gid: int
    name: str
    home: str

    def variables(self) -> dict[str, str]:
        """What tells a program who it is (environ(7))."""
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name} if self.name else {}


def find_owner(user: str, group: str) -> Owner:
    """Who is meant, each by name or by number; "" is what we are, and for GROUP with a USER that user's own group.

    Raises LookupError, whose text says what there is not.
    """
    import grp  # here, because few processes have a USER
    import pwd

    owner = Owner(os.geteuid(), os.getegid(), "", "")
    if user:
        try:
            found = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
            owner = Owner(found.pw_uid, found.pw_gid, found.pw_name, found.pw_dir)
        except KeyError:
            if not user.isdecimal():
                raise LookupError(f'there is no user "{user}"') from None
            owner = Owner(int(user), int(user), "", "")
    try:
        return owner._replace(gid=int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid) if group else owner
    except KeyError:
        raise LookupError(f'there is no group "{group}"') from None


def become(owner: Owner) -> None:
    """Drop to it, its groups first: without root's rights they could not be changed (initgroups(3), setuid(2)).

    We are that one already: nothing happens. Raises OSError.
    """
    if (owner.uid, owner.gid) == (os.geteuid(), os.getegid()):
        return
    if owner.name:
        os.initgroups(owner.name, owner.gid)
    else:
        os.setgroups([owner.gid])
    os.setgid(owner.gid)
    os.setuid(owner.uid)


@contextmanager
def acting_as_owner_of(path: str) -> Iterator[None]:
    """Where we are root, make files as the owner of `path` for a while: settings that are imported often make folders
    and log files, and if those were root's, no instance could write there. No wall: who wants to be root again can.
    """
    uid = os.stat(path).st_uid
    if os.geteuid() != 0 or uid == 0:
        yield
        return
    owner, group, groups, variables = find_owner(str(uid), ""), os.getegid(), os.getgroups(), dict(os.environ)
    os.setgroups(os.getgrouplist(owner.name, owner.gid) if owner.name else [owner.gid])
    os.setegid(owner.gid)
    os.seteuid(owner.uid)
    os.environ.update(owner.variables())
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)
        os.environ.update({name: variables[name] for name in owner.variables() if name in variables})
