"""prometheus_client's directory: one for each user, which nobody else can enter, and none for who did not ask."""

from __future__ import annotations

import os
import pwd
import shlex

import pytest

from procession.stack.model import Process
from procession.supervisor.linux import multiprocess
from tests.supervisor.programs import until
from tests.supervisor.site import Site, process

SAY = 'cd "$PROMETHEUS_MULTIPROC_DIR" && : >"$NAME.db" && pwd && ls -d . -n && exec sleep 1000'


def keeper(name: str, user: str = "", **environment: str) -> Process:
    argv = ("sh", "-c", f"NAME={shlex.quote(name)}; {SAY}")
    return process(name, argv, user=user, prometheus=True, environment=environment)


def said(site: Site, instance: str) -> list[str]:
    """The directory, and how it is listed."""
    until(lambda: len(site.log(instance).splitlines()) == 2, lambda: site.log(instance))
    return site.log(instance).splitlines()


def test_processes_of_one_user_share_it_and_it_ends_with_them(site: Site) -> None:
    site.up(keeper("web"), keeper("worker"))
    (first, listed), (second, _) = said(site, "web.1"), said(site, "worker.1")
    assert first == second
    assert listed.startswith("drwx------")
    assert sorted(os.listdir(first)) == ["web.db", "worker.db"]
    site.down()
    assert not os.path.exists(os.path.dirname(first))


@pytest.mark.root
def test_another_user_has_his_own(site: Site) -> None:
    site.up(keeper("web", user="nobody"), keeper("worker"))
    (own, _), (others, _) = said(site, "web.1"), said(site, "worker.1")
    assert (os.path.dirname(own), own != others) == (os.path.dirname(others), True)
    assert os.stat(own).st_uid == pwd.getpwnam("nobody").pw_uid
    site.down()
    assert not os.path.exists(os.path.dirname(own))


def test_who_did_not_ask_has_none(site: Site) -> None:
    argv = ("sh", "-c", 'echo "it has <$PROMETHEUS_MULTIPROC_DIR$PROCESSION_PROMETHEUS>"; exec sleep 1000')
    site.up(process("web", argv))
    until(lambda: "it has <>" in site.log("web.1"))


def test_only_what_counts_while_its_process_lives_is_taken_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("numbers")
    dead = 2**22 + 1  # more than pid_max can be (proc(5))
    gone = [f"gauge_live{mode}_{dead}.db" for mode in ("all", "sum", "min", "max", "mostrecent")]
    kept = [f"gauge_livesum_{os.getpid()}.db", f"gauge_sum_{dead}.db", f"counter_{dead}.db", "gauge_live_x.db", "mine"]
    for name in (*gone, *kept):
        (directory / name).touch()
    multiprocess.bury(str(directory))
    assert sorted(os.listdir(directory)) == sorted(kept)
    multiprocess.bury(str(directory / "nowhere"))
