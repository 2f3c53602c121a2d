"""Commands that cross: a stop that comes during a restart is not undone by it, a restart that comes during a stop is
carried out, and two restarts at once are no error.
"""

from __future__ import annotations

from tests.supervisor.programs import Stage, is_alive, until
from tests.supervisor.site import Site, process

SLOW_TO_STOP = """
reading, writing = os.pipe()
def leave(*_):
    say("leaving")
    time.sleep(0.3)
    os._exit(0)
signal.signal(TERM, leave)
say("ready")
stay()
"""


def test_a_stop_during_a_restart_wins(stage: Stage, site: Site) -> None:
    site.up(process("web", stage.program(SLOW_TO_STOP)))
    first = stage.hear("ready").pid
    restarting, stopping = site.connect(), site.connect()
    number = restarting.ask("restart", {"names": ["web"]})
    stage.hear("leaving")
    assert stopping.call("stop", {"names": ["web"]})["done"]
    answer = restarting.answer(number)
    assert (answer["done"], answer["code"]) == (False, 1), answer
    assert site.instance("web.1")["phase"] == "stopped"
    assert stage.is_silent_about("ready")
    assert not is_alive(first)
    restarting.close()
    stopping.close()


def test_a_restart_during_a_stop_starts_it_again(stage: Stage, site: Site) -> None:
    site.up(process("web", stage.program(SLOW_TO_STOP)))
    first = stage.hear("ready").pid
    restarting, stopping = site.connect(), site.connect()
    stopping.ask("stop", {"names": ["web"]})
    stage.hear("leaving")
    assert restarting.call("restart", {"names": ["web"]})["done"]
    assert stage.hear("ready").pid == site.instance("web.1")["pid"] != first
    restarting.close()
    stopping.close()


def test_two_restarts_at_once_both_succeed(stage: Stage, site: Site) -> None:
    site.up(process("web", stage.program(SLOW_TO_STOP), replicas=3))
    stage.hear_all("ready", 3)
    clients = [site.connect() for _ in range(2)]
    numbers = [client.ask("restart", {"names": ["web"]}) for client in clients]
    for client, number in zip(clients, numbers, strict=True):
        assert client.answer(number)["done"]
        client.close()
    until(lambda: [one["phase"] for one in site.status()["instances"]] == ["ready"] * 3)
    assert len({one["pid"] for one in site.status()["instances"]}) == 3


def test_everything_at_once_ends_as_the_last_one_said(stage: Stage, site: Site) -> None:
    site.up(process("web", stage.program(SLOW_TO_STOP), replicas=2))
    stage.hear_all("ready", 2)
    client = site.connect()
    for _ in range(5):
        client.ask("restart", {"names": ["web"]})
        client.ask("scale", {"counts": {"web": 4}})
        client.ask("stop", {"names": ["web"]})
        client.ask("start", {"names": ["web"]})
        client.ask("scale", {"counts": {"web": 1}})
    assert client.call("restart", {"names": ["web"]})["done"]
    until(lambda: [(one["name"], one["phase"]) for one in site.status()["instances"]] == [("web.1", "ready")])
    client.close()
