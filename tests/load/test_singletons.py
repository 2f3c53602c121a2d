"""What a singleton is known by: one site wherever it is started from, and never two sites by one name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from procession.load import load
from procession.load.singletons import host_key
from procession.stack.declared import Declared
from procession.stack.model import Process, Site

SITE = Site(directory="/srv/a/src", python="/usr/bin/python3", settings_module="config.settings")
POSTGRES = "postgresql://db:5432/shop"


def test_two_sites_in_folders_of_one_name_have_two_locks(tmp_path: Path) -> None:
    assert host_key("beat", "", SITE) != host_key("beat", "", replace(SITE, directory="/srv/b/src"))


def test_the_releases_beside_current_are_one_site(tmp_path: Path) -> None:
    keys = set()
    for number in ("1", "2"):
        (tmp_path / "releases" / number / "src").mkdir(parents=True)
    (tmp_path / "current").symlink_to(tmp_path / "releases" / "2")
    for place in ("releases/1/src", "releases/2/src", "current/src"):
        keys.add(host_key("beat", "", replace(SITE, directory=str(tmp_path / place))))
    assert len(keys) == 1
    assert host_key("beat", "", replace(SITE, directory=str(tmp_path / "releases/2"))) not in keys


def test_a_database_or_a_name_makes_one_site_of_two_directories() -> None:
    shop, elsewhere = replace(SITE, database=POSTGRES), replace(SITE, database=POSTGRES, directory="/tmp/copy")
    assert host_key("beat", "", shop) == host_key("beat", "", elsewhere)
    assert host_key("beat", "shop", SITE) == host_key("beat", "shop", replace(SITE, directory="/tmp/copy"))
    staging = replace(shop, database="postgresql://db:5432/staging")
    assert host_key("beat", "shop", shop) != host_key("beat", "shop", staging)
    assert host_key("beat", "shop", shop) != host_key("clock", "shop", shop)


def loaded(site: Site, stack: dict[str, object], **fields: object) -> tuple[Process | None, list[str]]:
    declared = Declared(
        source="settings",
        file="x",
        stack=stack,
        processes={"beat": {"COMMAND": "sleep 1", "SINGLETON": True, **fields}},
    )
    done, problems = load(declared, replace(site, directory="/tmp"))
    return (done.process("beat") if done else None), [problem.id for problem in problems]


def test_a_lease_wraps_the_command_and_hides_its_store() -> None:
    process, problems = loaded(SITE, {"NAME": "shop", "LEASE": "redis://:hunter2@cache/0"})
    assert problems == []
    assert process is not None
    assert process.argv[-5:-2] == ("--name", "shop/beat", "--")
    assert "hunter2" not in " ".join(process.argv)
    assert process.environment["PROCESSION_LEASE_IN"] == "redis://:hunter2@cache/0"
    assert loaded(replace(SITE, database=POSTGRES), {}, LEASE="database")[1] == []
    assert "--" not in (loaded(SITE, {"LEASE": "database"}, LEASE="")[0] or process).argv


def test_nonsense_is_said() -> None:
    assert loaded(SITE, {"LEASE": "memcached://x"})[1] == ["E070"]
    assert loaded(replace(SITE, settings_module=""), {"LEASE": "database"})[1] == ["E071"]
    assert loaded(SITE, {"LEASE": "redis://cache"})[1] == ["E072"]
    assert loaded(SITE, {"LEASE": "database"})[1] == ["W070"]
