"""--echo: every line also on stdout, whole, behind an aligned name; a reader that does not read stops nothing."""

from __future__ import annotations

import fcntl
import os
import re
import socket

from tests.recorder.rig import Rig, numbered, read_until


def test_lines_are_whole_and_aligned(rig: Rig) -> None:
    reading, writing = os.pipe()
    rig.start("--echo", stdout=writing)
    os.close(writing)
    rig.open("web.1")
    rig.open("worker.12")
    rig.send(note="hello")
    rig.say("web.1", b"GET / ")
    read_until(reading, lambda data: b"hello\n" in data)
    rig.say("worker.12", b"task done\n")
    text = read_until(reading, lambda data: data.endswith(b"done\n"))
    rig.say("web.1", b"200\n")
    text += read_until(reading, lambda data: data.endswith(b"200\n"))
    assert text == b"worker.12  | task done\nweb.1      | GET / 200\n"
    os.close(reading)


def test_times_when_wanted_and_the_unfinished_line_at_the_end(rig: Rig) -> None:
    ours, theirs = socket.socketpair()  # as journald gives it
    rig.start("--echo-times", stdout=theirs.fileno())
    theirs.close()
    rig.open("web.1")
    rig.say("web.1", b"Segmentation fau")
    rig.send(close="web.1")
    text = read_until(ours.fileno(), lambda data: data.endswith(b"\n"))
    assert re.fullmatch(rb"web.1      \| [-0-9T:.]{23}Z Segmentation fau\n", text)
    ours.close()


def test_a_reader_that_does_not_read_stops_nothing(rig: Rig) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    rig.start("--echo", stdout=writing)
    os.close(writing)
    rig.open("web.1")
    rig.flood("web.1", 100_000).wait()
    rig.close("web.1")
    assert rig.text("web.1") == numbered("web.1", 100_000)
    text = read_until(reading, lambda data: b"not shown here]\n" in data)
    found = re.search(rb"\[procession: (\d+) lines not shown here\]\n", text)
    assert found
    shown = re.findall(rb"^web\.1 +\| web\.1 \d+ x+$", text, re.MULTILINE)
    assert len(shown) + int(found[1]) == 100_000
    os.close(reading)


def test_a_reader_that_has_gone_stops_nothing(rig: Rig) -> None:
    reading, writing = os.pipe()
    rig.start("--echo", stdout=writing)
    os.close(writing)
    os.close(reading)
    rig.open("web.1")
    rig.say("web.1", b"one\n")
    rig.close("web.1")
    assert rig.text("web.1") == b"one\n"
