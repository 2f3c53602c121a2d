"""The facts of a Django site, asked of its own settings, and what to say when they do not import."""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
import traceback
from collections.abc import Iterable, Mapping
from types import TracebackType

from procession.errors import Problem
from procession.stack.model import Site, Static

FRAMES_MAX = 5
SETTINGS = "DJANGO_SETTINGS_MODULE"
FILES = ("sqlite3", "spatialite")  # Django's engines whose database is a file


class _ManageReached(BaseException):
    """manage.py has done its part and would hand over to Django. No Exception: no `except` of its own may take it."""


def open_site(manage: str) -> Site | Problem:
    """Run manage.py up to where it hands over to Django, import its settings, and ask them: the facts of the site.

    It is run, not read, because what it does is part of the site: it names the settings, and may read an env file or
    extend sys.path. What it raises, or the settings do, is the Problem (E030).
    """
    directory = os.path.dirname(os.path.abspath(manage))
    if directory not in sys.path:
        sys.path.insert(0, directory)
    try:
        run_to_handover(manage)
        return site_facts(directory)
    except (KeyboardInterrupt, _ManageReached):
        raise
    except BaseException as error:  # noqa: BLE001 - the site's code may do anything, sys.exit() included
        return import_problem(error, directory)


def site_facts(directory: str) -> Site:
    """The facts, out of the settings that DJANGO_SETTINGS_MODULE names. Raises whatever importing them raises."""
    from django.conf import settings

    apps = tuple(str(app) for app in settings.INSTALLED_APPS)
    return Site(
        directory=directory,
        python=sys.executable,
        settings_module=os.environ.get(SETTINGS, ""),
        wsgi=_callable(settings.WSGI_APPLICATION) or _beside_settings("wsgi"),
        asgi=_callable(getattr(settings, "ASGI_APPLICATION", None)) or _beside_settings("asgi"),
        has_app=any(app == "procession" or app.startswith("procession.apps.") for app in apps),
        installed_apps=apps,
        static=_static(directory, settings.STATIC_URL, settings.STATIC_ROOT),
        mailer=settings.EMAIL_BACKEND,
        admins=admin_addresses(settings.ADMINS),
        database=_database(settings.DATABASES.get("default", {})),
        sqlite=_sqlite(directory, settings.DATABASES.get("default", {})),
    )


def _static(directory: str, url: str | None, root: str | os.PathLike[str] | None) -> Static:
    """A relative STATIC_ROOT is taken from where manage.py runs."""
    return Static(url=url or "", root=os.path.normpath(os.path.join(directory, root)) if root else "")


def import_problem(error: BaseException, directory: str) -> Problem:
    """E030: what the site raised, with the frames that are the site's own, the innermost last."""
    module = os.environ.get(SETTINGS, "") or "manage.py"
    frames = (*_own_frames(error.__traceback__, directory), *_syntax(error, directory))
    origin = frames[-1].partition(": ")[0] if frames else ""
    return Problem("E030", module, f"does not import: {_summary(error)}", origin, _fix(error, directory), frames)


def run_to_handover(manage: str) -> None:
    """Run manage.py for what it does before Django takes over: naming the settings, reading env files, ..."""
    from django.core import management

    def reached(argv: list[str] | None = None) -> None:
        raise _ManageReached(argv)

    original, arguments = management.execute_from_command_line, sys.argv
    management.execute_from_command_line = reached
    sys.argv = [manage, "procession"]
    try:
        runpy.run_path(manage, run_name="__main__")
    except _ManageReached:
        pass
    finally:
        management.execute_from_command_line, sys.argv = original, arguments


def _database(declared: Mapping[str, object]) -> str:
    """Where the site's data is, without who may read it; "" where it is a file, or not said."""
    engine = _engine(declared)
    if engine in ("", "dummy", *FILES):
        return ""
    host, port, name = (str(declared.get(key) or "") for key in ("HOST", "PORT", "NAME"))
    return f"{engine}://{host}:{port}/{name}"


def _sqlite(directory: str, declared: Mapping[str, object]) -> str:
    """Its file, absolute; "" where the data is no file, or in memory alone."""
    name = str(declared.get("NAME") or "")
    is_file = _engine(declared) in FILES and name and ":memory:" not in name and "mode=memory" not in name
    return os.path.normpath(os.path.join(directory, name)) if is_file else ""


def _engine(declared: Mapping[str, object]) -> str:
    return str(declared.get("ENGINE", "")).rpartition(".")[2]


def admin_addresses(admins: Iterable[object]) -> tuple[str, ...]:
    """Of ADMINS: a list of addresses (Django 6.0), or of names with addresses."""
    return tuple(str(admin[1]) if isinstance(admin, list | tuple) else str(admin) for admin in admins)


def _callable(dotted: object) -> str:
    """ "mysite.wsgi.application", as Django's settings write it, as "mysite.wsgi:application"."""
    if not isinstance(dotted, str) or "." not in dotted:
        return ""
    module, _, name = dotted.rpartition(".")
    return f"{module}:{name}"


def _beside_settings(name: str) -> str:
    """`asgi:application` in the settings' package, or the nearest above it that has an asgi.py."""
    package = os.environ.get(SETTINGS, "").rpartition(".")[0]
    while package:
        if _exists(f"{package}.{name}"):
            return f"{package}.{name}:application"
        package = package.rpartition(".")[0]
    return ""


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _summary(error: BaseException) -> str:
    """The last line of its traceback, in one line."""
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({error.code!r})"
    text = "".join(traceback.format_exception_only(error)[-1:]).strip()
    return " ".join(text.split())


def _syntax(error: BaseException, directory: str) -> tuple[str, ...]:
    """Where a file could not even be compiled: that is no frame."""
    if not isinstance(error, SyntaxError) or not error.filename:
        return ()
    return (f"{os.path.relpath(error.filename, directory)}:{error.lineno}: {(error.text or '').strip()}",)


def _own_frames(trace: TracebackType | None, directory: str) -> tuple[str, ...]:
    """`mysite/settings.py:12, in read: return values[name]` for each frame of the site's own code."""
    found = [frame for frame in traceback.extract_tb(trace) if _is_own(frame.filename, directory)]
    return tuple(_frame(frame, directory) for frame in found[-FRAMES_MAX:])


def _is_own(file: str, directory: str) -> bool:
    inside = os.path.abspath(file).startswith(os.path.join(directory, "")) and not file.startswith("<frozen ")
    return inside and not any(part in file for part in ("/site-packages/", "/dist-packages/"))


def _frame(frame: traceback.FrameSummary, directory: str) -> str:
    place = f"{os.path.relpath(frame.filename, directory)}:{frame.lineno}"
    scope = "" if frame.name == "<module>" else f" (in {frame.name})"
    return f"{place}: {frame.line}{scope}"


def _fix(error: BaseException, directory: str) -> str:
    own = isinstance(error, ModuleNotFoundError) and os.path.exists(
        os.path.join(directory, str(error.name).partition(".")[0])
    )
    if own:
        return f"correct the name in {SETTINGS}, or in the import"
    if isinstance(error, ModuleNotFoundError):
        return f"install {error.name}, or use the Python that has it: this is {sys.executable}"
    return "correct it: what runs keeps running"
