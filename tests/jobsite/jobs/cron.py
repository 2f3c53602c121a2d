"""What rqcron enqueues: one job every second."""

import os

from rq import cron

from jobs.tasks import work

cron.register(work, queue_name="default", args=(os.environ["JOBS_WORDS"],), interval=1)
