"""Small programs for the image's own Python, standard library alone: what probes and hooks cannot say by themselves.

The image of a Django site has no curl, perhaps no shell, but always a Python; -I -S keeps the site's code out of it.
"""

from __future__ import annotations

from procession.engines.kubernetes.options import Options

HEARTBEAT = """\
import os, sys, time
path, longest, pid = sys.argv[1], float(sys.argv[2]), sys.argv[3]
try:
    beat = os.stat(path).st_mtime
except FileNotFoundError:
    sys.exit(0)
boot = next(float(line.split()[1]) for line in open('/proc/stat') if line.startswith('btime'))
ticks = float(open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[19])
began = boot + ticks / os.sysconf('SC_CLK_TCK')
if beat > began and time.time() - beat > longest:
    sys.exit(f'no beat for {time.time() - beat:.0f} s')
"""
"""PATH LONGEST PID: no file, a time of 0, or one from before this container began (/tmp outlives it): not judged."""

FILE = """\
import os, sys, time
path, longest = sys.argv[1], float(sys.argv[2])
age = time.time() - os.stat(path).st_mtime
if longest and age > longest:
    sys.exit(f'{path} is {age:.0f} s old')
"""
"""PATH LONGEST: it is there, and not older; 0 is any age."""

HTTP = """\
import http.client, sys
port, path, below, good, seconds, host, proto = sys.argv[1:]
asked = http.client.HTTPConnection('127.0.0.1', int(port), timeout=float(seconds))
asked.request('GET', path, headers={'Host': host, **({'X-Forwarded-Proto': proto} if proto else {})})
status = asked.getresponse().status
if not (str(status) in good.split(',') if good else status < int(below)):
    sys.exit(f'GET {path} gave {status}')
"""
"""PORT PATH BELOW GOOD SECONDS HOST PROTO: for statuses that httpGet does not take (it wants 200 to 399)."""

STOP = """\
import os, sys, time
pid, before, first, *steps = sys.argv[1:]
steps = [step.split(':') for step in steps]
wait = float(before)
if first != '-':
    if os.fork():
        time.sleep(wait)
        sys.exit(0)
    os.setsid()
    for fd in (0, 1, 2):
        os.close(fd)
    wait += float(first)
time.sleep(wait)
for signal, seconds in steps:
    try:
        os.kill(int(pid), int(signal))
    except ProcessLookupError:
        break
    time.sleep(float(seconds))
"""
"""PID BEFORE FIRST SIGNAL:SECONDS...: the steps of a stop ladder that the kubelet, which has TERM alone, leaves out.

With FIRST the kubelet sends TERM as this ends after BEFORE seconds; FIRST seconds later a child of it goes on with the
steps. With - it sends the steps itself, in place of TERM.
"""

MIGRATED = """\
import subprocess, sys, time
said = 0
while code := subprocess.call(sys.argv[1:]):
    if code != said:
        print('waiting until this ends well:', *sys.argv[1:], f'(gave {code})', file=sys.stderr, flush=True)
    said = code
    time.sleep(2)
"""
"""COMMAND: tried until it ends well. `migrate --check` itself says nothing of what it waits for."""


def run(script: str, options: Options, *words: str) -> list[str]:
    """The command that runs it."""
    return [options.python, "-I", "-S", "-c", script, *words]
