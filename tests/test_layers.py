"""STYLE, section 1: an import never points up or sideways; and each contract of that section can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
SITES_OWN = ("django", "dashboard", "apps", "backends")
"""The layers that may import a third party: Django, or the server program that a backend's wrapper is exec'd for."""
EXTRAS = (
    "procession.console.autoreload.",
    "procession.top.",
    "procession.engines.kubernetes.checking",
    "procession.engines.programs.supervisord_check",
)
"""What the extras `dev` and `tui` bring, which only their verbs import; `engines`, for `apply` to check
manifests; and what supervisord's own Python runs.
"""


def lint_imports(source: Path) -> subprocess.CompletedProcess[str]:
    """Check the package `procession` in `source` (lint-imports looks in its working directory first)."""
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--config", ROOT / "pyproject.toml"],
        cwd=source, capture_output=True, text=True, check=False,
    )  # fmt: skip


def add_import(source: Path, module: str, imported: str) -> None:
    """Make `module` (dotted) in `source` import `imported`; missing packages and the module are created."""
    path = source
    for part in module.split(".")[:-1]:
        path = path / part
        path.mkdir(exist_ok=True)
        (path / "__init__.py").touch()
    path = path / (module.split(".")[-1] + ".py")
    path.write_text(f"{path.read_text() if path.exists() else ''}\nimport {imported}\n")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "src"


def test_the_layers_are_kept() -> None:
    checked = lint_imports(ROOT / "src")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("procession.stack.trespasser", "time"),
        ("procession.stack.trespasser", "procession.supervisor.core"),
        ("procession.supervisor.core.trespasser", "os"),
        ("procession.supervisor.core.trespasser", "procession.supervisor.linux"),
        ("procession.supervisor.linux.trespasser", "procession.recorder"),
        ("procession.control.wire.trespasser", "socket"),
        ("procession.sources.trespasser", "procession.backends"),
        ("procession.sources.trespasser", "django"),
        ("procession.console.trespasser", "procession.django"),
        ("procession.newfolder.trespasser", "json"),
    ],
)
def test_a_trespasser_breaks_a_contract(source: Path, module: str, imported: str) -> None:
    if module.startswith("procession.control.wire.") and (source / "procession/control/wire.py").exists():
        module = "procession.control.wire"
    if imported.startswith("procession."):
        add_import(source, f"{imported}.__init__", "json")
    add_import(source, module, imported)
    checked = lint_imports(source)
    assert checked.returncode == 1, checked.stdout
    assert "BROKEN" in checked.stdout


def test_only_the_sites_side_imports_a_third_party() -> None:
    graph = grimp.build_graph("procession", include_external_packages=True, cache_dir=None)
    foreign = {
        f"{module} imports {imported}"
        for module in graph.modules
        if module.startswith("procession.") and module.split(".")[1] not in SITES_OWN and not module.startswith(EXTRAS)
        for imported in graph.find_modules_directly_imported_by(module)
        if not imported.startswith("procession") and imported not in sys.stdlib_module_names
    }
    assert not foreign
