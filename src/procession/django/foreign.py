"""Runs a server class that somebody wrote for django-prodserver: `python -m procession.django.foreign CLASS CONFIG`.

Such a class starts its server from inside of this process, so it is started as django-prodserver does it: by
`start_server(*prep_server_args())`, with Django set up. CONFIG is JSON: what the class's constructor is to be given.
"""

from __future__ import annotations

import json
import sys

from django.utils.module_loading import import_string


def main(argv: list[str]) -> None:
    import django

    dotted, config = argv
    django.setup()
    backend = import_string(dotted)(**json.loads(config))
    backend.start_server(*backend.prep_server_args())


if __name__ == "__main__":
    main(sys.argv[1:])
