"""What an event means for one instance: news of the world becomes a happening, or nothing at all."""

from __future__ import annotations

from dataclasses import replace

from procession.stack.model import Kind, ProbeType, RestartWhen
from procession.supervisor.core.events import Probed, Told
from procession.supervisor.core.instance import Happening, Instance, Phase

TELLING = (ProbeType.NOTIFY, ProbeType.APP)  # it tells, and is not asked
RELOADING = "reloading"  # until it says READY=1 again
WORKERS_APART_SECONDS = 5.0  # after the first worker has loaded the site, those that have are enough

# A listener that several share may be answered by another than the one that is asked.
NOT_TOLD = "its address answers, but the site in it has not said yet that it is loaded"


def gone(instance: Instance, now: float) -> Happening:
    """Its whole tree is gone: what now?"""
    if instance.again and instance.wanted and not instance.outgoing:
        return Happening.GONE_AGAIN
    if not instance.wanted or instance.outgoing:
        return Happening.GONE_UNWANTED
    if instance.running.kind is Kind.TASK:
        return Happening.GONE_WELL if ended_well(instance) else Happening.GONE_FOR_GOOD
    return _gone_process(instance, now)


def _gone_process(instance: Instance, now: float) -> Happening:
    policy = instance.process
    if policy.restart is not RestartWhen.ALWAYS and ended_well(instance):
        return Happening.GONE_WELL
    if policy.restart is RestartWhen.NEVER:
        return Happening.GONE_FOR_GOOD
    if instance.is_steady(now):
        return Happening.GONE_AGAIN
    if 0 < policy.backoff.give_up <= instance.deaths + 1:
        return Happening.GONE_FOR_GOOD
    return Happening.GONE_EARLY


def ended_well(instance: Instance) -> bool:
    return instance.status is not None and instance.status in instance.running.success


def deadline(instance: Instance) -> Happening:
    """Its deadline has passed: the next rung of the ladder, while there is one."""
    if instance.phase is Phase.STOPPING and instance.rung + 1 < len(instance.running.stop):
        return Happening.STEP_DUE
    return Happening.DEADLINE


def probed(instance: Instance, news: Probed) -> tuple[Instance, Happening | None]:
    """The instance with its failures counted, and what follows from them."""
    if news.about == "liveness":
        return _probed_liveness(instance, news)
    instance = replace(instance, said=news.detail)
    if news.about == "startup":
        return _started(instance) if news.ok else (instance, None)
    return _probed_readiness(instance, news.ok)


def _started(instance: Instance) -> tuple[Instance, Happening | None]:
    return replace(instance, has_started=True), Happening.STARTUP_SEEN


def is_ready_unasked(instance: Instance) -> bool:
    """It has just started, and nothing needs to be asked any more: nobody wants to know, or it has said so before."""
    type = instance.running.readiness.type
    return type is ProbeType.NONE or (type in TELLING and instance.has_told)


def _probed_readiness(instance: Instance, ok: bool) -> tuple[Instance, Happening | None]:
    if ok and instance.running.tells_ready and not instance.has_told:
        return replace(instance, said=NOT_TOLD), None
    if ok:
        return replace(instance, failures_ready=0), Happening.READY_SEEN
    instance = _missed(replace(instance, failures_ready=instance.failures_ready + 1))
    return instance, Happening.UNREADY_SEEN if instance.failures_ready >= instance.running.readiness.failures else None


def _missed(instance: Instance) -> Instance:
    """Counted for people. While it starts, nobody expects it to be ready: the deadline counts then, see `turn`."""
    if instance.ready_at is None:
        return instance
    return replace(instance, readiness_failures=instance.readiness_failures + 1)


def _probed_liveness(instance: Instance, news: Probed) -> tuple[Instance, Happening | None]:
    probe = instance.running.liveness
    if news.ok or probe is None:
        return replace(instance, failures_alive=0), None
    instance = replace(instance, failures_alive=instance.failures_alive + 1, said=news.detail)
    return instance, Happening.HUNG if instance.failures_alive >= probe.failures else None


def told(instance: Instance, news: Told, now: float) -> tuple[Instance, Happening | None]:
    """The program spoke for itself. What it says of its readiness counts only where that is how readiness is known."""
    instance = _heard(instance, news, now)
    if news.standby is not None:
        return instance, Happening.STANDS_BY if news.standby else Happening.PROCEEDS
    if news.is_hung:
        return replace(instance, said="it says so itself"), Happening.HUNG
    if news.is_stopping:
        return instance, Happening.SAYS_STOPPING
    if news.ready and not instance.has_told:
        return instance, None
    running = instance.running
    if instance.is_starting_up:
        is_it = news.ready and running.startup is not None and running.startup.type in TELLING
        return _started(instance) if is_it else (instance, None)
    if news.ready is None or running.readiness.type not in TELLING:
        return instance, None
    return (instance, Happening.READY_SEEN) if news.ready else (_missed(instance), Happening.UNREADY_SEEN)


def _heard(instance: Instance, news: Told, now: float) -> Instance:
    """What it said is kept. A deadline can be put off while it starts, and while it stops, but not by what hangs."""
    if news.status or (news.ready and instance.tells == RELOADING):
        instance = replace(instance, tells=news.status)
    if news.ready and not instance.has_told:
        instance = _counted(instance, news.pid, now)
    if news.extend_seconds and instance.deadline is not None and not instance.is_hung:
        instance = replace(instance, deadline=max(instance.deadline, now + news.extend_seconds))
    return instance


def _counted(instance: Instance, pid: int, now: float) -> Instance:
    """Its workers load the site side by side, and the last makes it ready: one of four would have the work of all, if
    the old ones ended at its word. A main process that has loaded it (gunicorn --preload) speaks for all.
    """
    loaded, workers = instance.loaded | {pid}, instance.running.workers
    if pid in (0, instance.pid) or len(loaded) >= workers:
        return replace(instance, loaded=loaded, others_due=None, has_told=True)
    said = f"{len(loaded)} of {workers} workers have loaded the site"
    return replace(instance, loaded=loaded, others_due=instance.others_due or now + WORKERS_APART_SECONDS, said=said)
