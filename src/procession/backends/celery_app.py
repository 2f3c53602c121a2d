"""Finding the Celery application of a site, and the argv that every Celery program begins with."""

from __future__ import annotations

import os

from procession.errors import Problem
from procession.stack.model import Declaration, Site

# Where Celery's own guide for Django puts the application, and where cookiecutter-django does.
MODULES = ("celery", "celery_app")


def celery_argv(app: str, site: Site) -> tuple[str, ...]:
    """`python -m celery -A app`: the site's interpreter, and whichever celery it has.

    Celery takes "mysite.celery.app", "mysite.celery:app", "mysite.celery" and "mysite" alike, so APP goes to it as
    it is written.
    """
    return (site.python, "-m", "celery", *(("-A", app) if app else ()))


def find_app(declaration: Declaration, site: Site) -> str:
    """APP as declared; else the celery.py beside the settings, as a module name; else ""."""
    if declaration.app is not None:
        return declaration.app.strip()
    return next((module for module in _candidates(site) if _is_module(module, site)), "")


def app_problems(app: str, site: Site) -> tuple[Problem, ...]:
    """E060: no application is named or found; E061: what is named cannot be one."""
    if not app:
        what = "Celery needs to know its application, and there is no celery.py beside the settings"
        return (Problem("E060", "app", what, fix=f'write: "APP": "{_example(site)}"'),)
    if not all(part.isidentifier() for part in app.replace(":", ".", 1).split(".")):
        what = f'must be a module, or a name in one, got "{app}"'
        return (Problem("E061", "app", what, fix=f'write it with dots: "APP": "{_example(site)}"'),)
    return ()


def _candidates(site: Site) -> list[str]:
    """For config.settings.production: celery in config.settings, then in config, then at the top."""
    packages = site.settings_module.split(".")[:-1]
    parents = [".".join(packages[:length]) for length in range(len(packages), -1, -1)]
    found = (f"{parent}.{module}".lstrip(".") for parent in parents for module in MODULES)
    return [name for name in found if name != "celery"]  # At the top, that is Celery itself.


def _is_module(name: str, site: Site) -> bool:
    """Is it a file of the project? Looked up by name, so that nothing of the site is imported."""
    path = os.path.join(site.directory, *name.split("."))
    return os.path.isfile(f"{path}.py") or os.path.isfile(os.path.join(path, "__init__.py"))


def _example(site: Site) -> str:
    return f"{site.settings_module.split('.')[0] or 'mysite'}.celery"
