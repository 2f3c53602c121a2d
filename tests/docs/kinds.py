"""Which test runs which block of code. A block that none of them runs must say why, in a comment above it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.docs.page import Block

# Followed from the first block to the last, as their reader would.
FOLLOWED = (
    "docs/tutorial/your-site.md",
    "docs/tutorial/feed-reader.md",
    "docs/tutorial/one-machine.md",
    "docs/how-to/deploy-without-sudo.md",
    "docs/how-to/from-compose.md",
    "docs/how-to/from-kubernetes.md",
    "docs/how-to/from-procfile.md",
    "docs/how-to/from-prodserver.md",
    "docs/how-to/from-supervisor.md",
    "docs/how-to/from-systemd.md",
)
# What is typed there is typed at one site that runs.
HOW_TO = (
    "docs/how-to/dashboard.md",
    "docs/how-to/deploy.md",
    "docs/how-to/development.md",
    "docs/how-to/doctor.md",
    "docs/how-to/env-files.md",
    "docs/how-to/health.md",
    "docs/how-to/logs.md",
    "docs/how-to/replicas.md",
    "docs/how-to/upgrade.md",
    "docs/index.md",
    "docs/engines/front.md",
    "docs/engines/procfile.md",
)
EXAMPLES_OF_VERBS = "docs/reference/commands.md"  # each is parsed by its verb; tests/console does what they do
WRONG_ON_PURPOSE = "docs/reference/problems.md"  # written from what the checks say of it
SHOWN = ("", "text")  # no code: what is printed, or lies where


def is_declaration(block: Block) -> bool:
    return block.language == "python" and ("BACKEND" in block.text or "COMMAND" in block.text)


def is_settings(block: Block) -> bool:
    return block.language == "python" and not is_declaration(block)


RUN_BY: Mapping[str, Callable[[Block], bool]] = {
    "followed by test_tutorials.py and test_moving.py": lambda block: block.page in FOLLOWED,
    "typed by test_how_to.py": lambda block: block.page in HOW_TO and block.language == "console",
    "parsed by test_blocks.py": lambda block: block.page == EXAMPLES_OF_VERBS and block.language == "console",
    "checked by test_blocks.py": is_declaration,
    "executed by test_blocks.py": is_settings,
    "read by test_blocks.py": lambda block: block.language in ("toml", "yaml", "json", "ini", "dockerfile"),
    "not code": lambda block: block.language in SHOWN,
    "wrong on purpose": lambda block: block.page == WRONG_ON_PURPOSE,
}
