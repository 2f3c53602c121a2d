"""Steps are run, or printed; what only looks is done in a dry run, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from procession.engines.files import File, owned_by
from procession.engines.steps import TIMED_OUT, Await, Command, News, Put, Show, Steps, drive, print_all
from procession.recorder.reading.records import Record
from procession.refusal import Refusal
from procession.run import NO_SUCH_PROGRAM, Done

DEADLINE_SECONDS = 60.0


def python(code: str, *arguments: str, looks: bool = False, given: str = "") -> Command:
    return Command(argv=(sys.executable, "-I", "-S", "-c", code, *arguments), looks=looks, given=given)


def touch(path: Path, *, looks: bool = False) -> Command:
    return python("import sys; open(sys.argv[1], 'w').close(); print('made')", str(path), looks=looks)


def test_each_step_gets_what_became_of_it() -> None:
    said: list[str] = []

    def steps() -> Steps[str]:
        first = yield python("print(input())", given="hello\n")
        yield News("half way")
        second = yield python("raise SystemExit('no luck')")
        assert second.status == 1
        return f"{first.stdout.strip()}, {second.last_words()}"

    assert drive(steps(), said.append) == "hello, no luck"
    assert said == ["half way"]


def test_a_program_that_is_not_there_is_no_exception_and_a_refusal_passes_through() -> None:
    def steps() -> Steps[None]:
        done = yield Command(argv=("/no/such/program",))
        raise Refusal(f"{done.status}: {done.last_words()}")

    with pytest.raises(Refusal, match=f"{NO_SUCH_PROGRAM}: there is no program /no/such/program"):
        drive(steps(), print)


def test_a_dry_run_does_nothing_but_look(tmp_path: Path) -> None:
    def steps() -> Steps[str]:
        yield touch(tmp_path / "changed")
        looked = yield touch(tmp_path / "looked", looks=True)
        yield Put(str(tmp_path), File(path="put", text="x\n"), "me")
        yield Await(look=touch(tmp_path / "waited"), holds=lambda done: False, within_seconds=9, what="it is there")
        yield News("done")
        return looked.stdout

    printed: list[str] = []
    assert print_all(steps(), printed.append) == "made\n"
    assert [path.name for path in tmp_path.iterdir()] == ["looked"]
    assert [line.partition(" ")[0] for line in printed] == [sys.executable, sys.executable, "#", "#"]
    assert "until it is there, for 9 s at most" in printed[3]


def test_it_waits_until_the_look_holds(tmp_path: Path) -> None:
    grows = "import sys; f = open(sys.argv[1], 'a+'); f.write('x'); f.seek(0); print(len(f.read()))"

    def steps() -> Steps[tuple[int, str]]:
        done = yield Await(
            look=python(grows, str(tmp_path / "count")),
            holds=lambda look: int(look.stdout) == 3,
            within_seconds=DEADLINE_SECONDS,
            what="three",
            every_seconds=0.0,
        )
        return done.status, done.stdout

    assert drive(steps(), print) == (0, "3\n")


def test_a_wait_has_an_end() -> None:
    def steps() -> Steps[int]:
        done = yield Await(look=python("print(1)"), holds=lambda look: False, within_seconds=0.0, what="never")
        return done.status

    assert drive(steps(), print) == TIMED_OUT


def test_a_file_is_put_with_its_mark(tmp_path: Path) -> None:
    def steps() -> Steps[None]:
        yield Put(str(tmp_path), File(path="a/b", text="x\n"), "me")

    drive(steps(), print)
    assert owned_by((tmp_path / "a/b").read_text()) == "me"


def test_a_command_reads_as_one_types_it() -> None:
    command = Command(argv=("echo", "a b", "$x"), environment={"A": "1 2"})
    assert command.text() == "A='1 2' echo 'a b' '$x'"


def test_log_lines_are_read_as_they_come_and_shown_as_records() -> None:
    ended: list[Done] = []
    shown: list[Record] = []

    def steps() -> Steps[None]:
        lines = python("import sys; sys.stdout.buffer.write(b'one\\n\\xff\\n'); raise SystemExit('gone')")
        ended.append(
            (yield Show(command=lines, read=lambda read: (Record("", "web.1", line.strip()) for line in read)))
        )

    drive(steps(), print, shown.append)
    assert [record.text for record in shown] == ["one", "\udcff"]
    assert (ended[0].status, ended[0].last_words()) == (1, "gone")


def test_a_dry_run_shows_the_command_and_no_lines(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def steps() -> Steps[None]:
        yield Show(command=python("print('a line')"), read=lambda lines: pytest.fail(f"read {list(lines)}"))

    print_all(steps(), said.append)
    assert len(said) == 1
    assert capfd.readouterr().out == ""
