"""What instances write is in their log files: every byte, in order, each line with its time."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.recorder.rig import DEADLINE_SECONDS, MAIN, Rig, eventually, numbered, run

EVERY_BYTE = bytes(byte for byte in range(256) if byte != 10)


def test_a_log_that_comes_back_to_its_usual_place_is_a_file_there(rig: Rig, tmp_path: Path) -> None:
    """Where it was elsewhere there is a link to it, which must not be written through."""
    rig.start()
    rig.open("web.1", path=str(tmp_path / "elsewhere.log"))
    rig.say("web.1", b"one\n")
    eventually(lambda: (tmp_path / "elsewhere.log").exists() and b"one" in (tmp_path / "elsewhere.log").read_bytes())
    rig.open("web.1")
    rig.send(note="it is at its usual place")
    eventually(lambda: "usual place" in rig.notes())
    rig.say("web.1", b"two\n")
    rig.close("web.1")
    assert b"two" not in (tmp_path / "elsewhere.log").read_bytes()
    assert rig.text("web.1") == b"two\n"


def test_lines_get_a_time_and_arrive_unchanged(rig: Rig) -> None:
    rig.start()
    rig.open("web.1")
    rig.say("web.1", b"first\n\n  third\r\n" + EVERY_BYTE + b"\n" + "käse €\n".encode())
    rig.close("web.1")
    assert rig.text("web.1") == b"first\n\n  third\r\n" + EVERY_BYTE + b"\n" + "käse €\n".encode()


def test_what_was_said_before_the_recorder_was_there_is_recorded(rig: Rig) -> None:
    rig.open("web.1")
    rig.say("web.1", b"early\n")
    rig.start()
    eventually(lambda: b"early" in rig.log("web.1"))


def test_a_line_in_pieces_is_one_line(rig: Rig) -> None:
    rig.start()
    rig.open("web.1")
    for piece in (b"one ", b"two ", b"three\nfour"):
        rig.say("web.1", piece)
        eventually(lambda piece=piece: rig.log("web.1").endswith(piece[-4:]))  # type: ignore[misc]
    rig.close("web.1")
    assert rig.text("web.1") == b"one two three\nfour\n"


def test_after_a_break_the_next_instance_begins_a_line_of_its_own(rig: Rig) -> None:
    rig.start()
    rig.open("web.1")
    rig.say("web.1", b"Segmentation fau")
    rig.send(**{"break": "web.1"})
    eventually(lambda: rig.log("web.1").endswith(b"\n"))
    rig.say("web.1", b"started\n")
    rig.close("web.1")
    assert rig.text("web.1") == b"Segmentation fau\nstarted\n"


def test_a_line_longer_than_every_buffer_is_kept(rig: Rig) -> None:
    rig.start()
    rig.open("web.1", max_bytes=100_000)
    line = b"y" * 3_000_000 + b"\n"
    rig.say("web.1", b"before\n" + line + b"after\n")
    rig.close("web.1")
    assert rig.text("web.1") == b"before\n" + line + b"after\n"


def test_a_log_may_be_elsewhere_and_is_found_from_the_stack_directory(rig: Rig, tmp_path: Path) -> None:
    rig.start()
    rig.open("web.1", path=str(tmp_path / "elsewhere" / "site.log"))
    rig.say("web.1", b"hello\n")
    rig.close("web.1")
    assert (tmp_path / "elsewhere" / "site.log").read_bytes().endswith(b"Z hello\n")
    assert (rig.directory / "log" / "web.1.log").read_bytes().endswith(b"Z hello\n")


def test_files_are_private(rig: Rig) -> None:
    rig.start()
    rig.open("web.1")
    rig.say("web.1", b"secret\n")
    rig.send(event={"at": 1.0, "kind": "started"})
    rig.close("web.1")
    rig.quit()
    for folder, _, names in os.walk(rig.directory):
        assert os.stat(folder).st_mode & 0o077 == 0 or folder == str(rig.directory)
        for name in names:
            assert os.stat(os.path.join(folder, name)).st_mode & 0o077 == 0, name


def test_quit_writes_what_is_left_and_leaves_the_fifos(rig: Rig) -> None:
    rig.start()
    rig.open("web.1")
    rig.flood("web.1", 50_000).wait()
    rig.quit()
    assert rig.text("web.1") == numbered("web.1", 50_000)
    assert (rig.directory / "fifo" / "web.1").is_fifo()


def test_a_second_recorder_leaves_the_first_alone(rig: Rig) -> None:
    first = rig.start()
    eventually(lambda: (rig.directory / "recorder.lock").exists() and (rig.directory / "recorder.lock").read_text())
    assert isinstance(first.args, list)
    second = run(first.args)
    assert second.returncode == 1
    assert f"another one (pid {first.pid})".encode() in second.stderr
    assert first.poll() is None


def test_on_hangup_the_log_is_opened_anew(rig: Rig) -> None:
    recorder = rig.start()
    rig.open("web.1")
    rig.say("web.1", b"old\n")
    eventually(lambda: b"old" in rig.log("web.1"))
    log = rig.directory / "log" / "web.1.log"
    log.rename(log.with_name("moved"))
    recorder.send_signal(signal.SIGHUP)
    eventually(log.exists)
    rig.say("web.1", b"new\n")
    rig.close("web.1")
    assert rig.text("web.1") == b"new\n"
    assert log.with_name("moved").read_bytes().endswith(b"old\n")


def test_sigterm_ends_it_when_no_supervisor_is_watched(rig: Rig) -> None:
    recorder = rig.start()
    rig.open("web.1")
    rig.say("web.1", b"last words\n")
    eventually(lambda: rig.log("web.1"))
    recorder.terminate()
    assert recorder.wait(DEADLINE_SECONDS) == 0
    assert rig.text("web.1") == b"last words\n"


def test_notes_of_the_supervisor_are_kept(rig: Rig) -> None:
    rig.start()
    rig.send(note="web.1: started\nwith pid 4121")
    rig.quit()
    assert rig.notes() == "web.1: started\n    with pid 4121\n"


def test_commands_that_make_no_sense_are_noted_and_skipped(rig: Rig) -> None:
    rig.start()
    rig.send_raw(
        b'{"open": "../../etc/passwd"}\n[1, 2\n\xff\xfe\n{"nonsense": 1}\n{"open": "web.1", "max_bytes": "x"}\n'
    )
    rig.open("web.2")
    rig.say("web.2", b"fine\n")
    rig.close("web.2")
    assert rig.text("web.2") == b"fine\n"
    assert rig.notes().count("skipped a command") == 5
    assert not (rig.directory / "log" / "web.1.log").exists()


def test_a_command_behind_the_stump_of_another_is_obeyed(rig: Rig) -> None:
    rig.start()
    rig.send_raw(b'{"event": {"at": 12.5, "kind": "exi')  # its writer was killed here
    rig.open("web.1")
    rig.say("web.1", b"heard\n")
    rig.close("web.1")
    assert rig.text("web.1") == b"heard\n"


def test_a_command_without_an_end_does_not_fill_the_memory(rig: Rig) -> None:
    rig.start()
    for _ in range(40):
        rig.send_raw(b"x" * 50_000)
    rig.send_raw(b"\n")
    rig.open("web.1")
    rig.say("web.1", b"heard\n")
    rig.close("web.1")
    assert rig.text("web.1") == b"heard\n"


def test_a_mistake_of_ours_ends_it_says_why_and_loses_nothing(rig: Rig) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(MAIN.parents[2])!r})\n"
        "from procession.recorder import __main__ as main, streams\n"
        "streams.Streams.end_line = lambda self, name: 1 / 0\n"
        f"main.main(['--directory', {str(rig.directory)!r}])\n"
    )
    rig.open("web.1")
    rig.say("web.1", b"one\n")
    rig.send(**{"break": "web.1"})
    failed = run([sys.executable, "-I", "-S", "-c", code])
    assert failed.returncode == 1
    assert "ZeroDivisionError" in rig.notes()
    rig.start()
    rig.open("web.1")
    rig.close("web.1")
    assert rig.text("web.1") == b"one\n"


def test_an_idle_recorder_sleeps(rig: Rig) -> None:
    recorder = rig.start()
    for number in range(20):
        rig.open(f"web.{number}")
    rig.say("web.3", b"hello\n")
    rig.close("web.3")
    before = switches(recorder.pid)
    rig.send(note="one")
    eventually(lambda: "one" in rig.notes())
    assert switches(recorder.pid) - before <= 3


def switches(pid: int) -> int:
    """How often it has gone to sleep of its own will."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
