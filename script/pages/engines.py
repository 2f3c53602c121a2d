"""The reference page of the engines' options, from the dataclass that each engine names."""

from __future__ import annotations

from collections.abc import Mapping

from pages.settings import table

from procession.engines.containers.options import Front, Image
from procession.engines.kubernetes.options import Autoscale
from procession.engines.registry import MODULES, engine

ENGINES = """\
# Options of the engines

<!-- Written by script/reference.py from the options of each engine in procession.engines: change those, and run it. -->

The keys of `PRODUCTION_STACK["ENGINES"]["systemd"]` and of its kin. None is needed but `IMAGE` of Kubernetes.
`procession check` looks at all that are declared, whichever engine runs the site. What each engine makes of a
declaration is on [its own page](../engines/index.md); a duration and a size are written as in the
[settings](settings.md).
"""
PARTS: Mapping[type, tuple[str, str]] = {
    Image: ("IMAGE of Compose and Swarm", "The site's image, and how it is built."),
    Front: ("FRONT of Compose and Swarm", "The server in front, as a container beside the site."),
    Autoscale: ("AUTOSCALE of Kubernetes", "Of one process, named by its key. With `TRIGGER` it is KEDA's."),
}
HEADINGS: Mapping[type, str] = {part: heading for part, (heading, _) in PARTS.items()}


def engines_page() -> str:
    sections = [ENGINES]
    for options, names in by_options().items():
        sections += [f"## {' and '.join(engine(name).title for name in names)}", keys(names), table(options, HEADINGS)]
    for part, (heading, doc) in PARTS.items():
        sections += [f"## {heading}", doc, table(part, HEADINGS)]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def by_options() -> Mapping[type, list[str]]:
    """The engines that have options, those with the same ones together."""
    found: dict[type, list[str]] = {}
    for name in MODULES:
        if getattr(engine(name).options, "__dataclass_fields__", None):
            found.setdefault(engine(name).options, []).append(name)
    return found


def keys(names: list[str]) -> str:
    return f"""Said under {" or ".join(f'`"{name}"`' for name in names)}."""
