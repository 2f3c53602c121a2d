"""What a Django site declares: in its settings, else in the Procfile beside manage.py."""

from __future__ import annotations

import os

from procession.sources.discover import Found, SourceKind, procfile_name
from procession.sources.procfile import read_procfile
from procession.sources.settings import DEVELOPMENT, PROCESSES, STACK, read_settings
from procession.sources.toml import read_toml
from procession.stack.declared import Declared


def read(found: Found) -> Declared:
    """The declaration that was found. The settings must be importable by now if it is in them."""
    if found.kind is SourceKind.TOML:
        return read_toml(found.file, development=found.development)
    if found.kind is SourceKind.PROCFILE:
        return read_procfile(found.file, os.environ)
    return read_site(found.directory, development=found.development)


def read_site(directory: str, *, development: bool = False) -> Declared:
    """What the settings declare; if nothing, and there is a Procfile in `directory`, what that does."""
    from django.conf import settings

    processes = getattr(settings, DEVELOPMENT if development else PROCESSES, None)
    procfile = os.path.join(directory, procfile_name(development=development))
    if not processes and os.path.isfile(procfile):
        return read_procfile(procfile, os.environ)
    module = os.environ.get("DJANGO_SETTINGS_MODULE", "settings")
    return read_settings(processes, getattr(settings, STACK, None), module, development=development)
