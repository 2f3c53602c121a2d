"""What rqcron enqueues: one job every second, or as often as JOBS_SCHEDULE_SECONDS says."""

import os

from rq import cron

from jobs.tasks import work

seconds = int(os.environ.get("JOBS_SCHEDULE_SECONDS", "1"))
cron.register(work, queue_name="default", args=(os.environ["JOBS_WORDS"],), interval=seconds)
