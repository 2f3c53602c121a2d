"""Celery on a broker that needs no server: the folder MYSITE_BROKER_DIR."""

import os
from pathlib import Path

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
FOLDER = Path(os.environ.get("MYSITE_BROKER_DIR", "broker"))

app = Celery("mysite")
app.conf.update(
    broker_url=os.environ.get("MYSITE_BROKER", "filesystem://"),
    broker_transport_options={
        name: str(FOLDER / name) for name in ("data_folder_in", "data_folder_out", "control_folder")
    },
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
)
if app.conf.broker_url == "filesystem://":
    # A message goes out of the sender's folder into the receiver's: they are one.
    app.conf.broker_transport_options["data_folder_out"] = app.conf.broker_transport_options["data_folder_in"]
    (FOLDER / "data_folder_in").mkdir(parents=True, exist_ok=True)
app.autodiscover_tasks(["mysite"])
