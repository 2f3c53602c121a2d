"""The site whose tasks the task runners' tests run. JOBS_RUNNER says which runner it is set up for."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
