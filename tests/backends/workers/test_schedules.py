"""The programs that enqueue by the clock, for real: what they enqueue is worked off, and a stop ends them well."""

from __future__ import annotations

from pathlib import Path

from procession.stack.model import Declaration
from tests.backends.workers.conftest import MakeRunner
from tests.backends.workers.stage import explained, skip_without


def test_beat_triggers_a_task_over_the_filesystem_broker(make_runner: MakeRunner, tmp_path: Path) -> None:
    skip_without("celery")
    runner = make_runner("celery-files")
    beat = runner.start("celery-beat", Declaration(args={"schedule": tmp_path / "schedule"}))
    worker = runner.start("celery-worker", Declaration(args={"concurrency": 1}))
    with explained(beat, worker):
        assert {beat.told(), worker.told()} == {
            "READY=1\nINSTANCE=celery-beat.1",
            "READY=1\nINSTANCE=celery-worker.1",
        }
        assert runner.words.next() == "began"
        beat.stop()
        assert beat.exit() == 0
        assert list(tmp_path.glob("schedule*"))
        worker.stop()
        assert runner.words.next() == "ended"
        assert worker.exit() == 0
        assert beat.left_behind() + worker.left_behind() == []


def test_rq_cron_enqueues_a_job(make_runner: MakeRunner) -> None:
    skip_without("django_rq")
    runner = make_runner("rq")
    cron = runner.start("rq-cron", Declaration(app="jobs.cron"))
    with explained(cron):
        assert cron.told() == "READY=1\nINSTANCE=rq-cron.1"
        worker = runner.start("rq", Declaration())
        with explained(worker):
            assert worker.told() == "READY=1\nINSTANCE=rq.1"
            assert runner.words.next() == "began"
            cron.stop()
            assert cron.exit() == 0
            worker.stop()
            assert runner.words.next() == "ended"
            assert worker.exit() == 0
            assert cron.left_behind() + worker.left_behind() == []
