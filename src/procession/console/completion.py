"""`procession completion bash`: what the shell needs to complete verbs, options and names with the Tab key.

The script asks `procession completion words -- WORD ...` each time, so it never goes out of date.
"""

from __future__ import annotations

import argparse

from procession.console import main
from procession.control.client import Client
from procession.refusal import ExitCode, Refusal

EXAMPLES = ("procession completion bash",)
SUMMARY = "Print the shell's completion script: bash, zsh or fish"
DETAILS = """\
bash:  eval "$(procession completion bash)"                              in ~/.bashrc
zsh:   eval "$(procession completion zsh)"                               in ~/.zshrc, after compinit
fish:  procession completion fish > ~/.config/fish/completions/procession.fish"""
ANSWER_SECONDS_MAX = 1.0
SCRIPTS = {
    "bash": """\
_procession() {
    local IFS=$'\\n'
    COMPREPLY=($(procession completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default
}
complete -F _procession procession""",
    "zsh": """\
_procession() {
    local -a found
    found=(${(f)"$(procession completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    (( ${#found} )) && compadd -- $found || _files
}
compdef _procession procession""",
    "fish": """\
function __procession
    set -l words (commandline -opc) (commandline -ct)
    procession completion words -- $words[2..] 2>/dev/null
end
complete -c procession -f -a '(__procession)'""",
}
TAKES_RUNNING_NAMES = frozenset(
    {
        "status",
        "start",
        "stop",
        "restart",
        "roll",
        "reload",
        "signal",
        "logs",
        "events",
        "attach",
        "health",
        "doctor",
        "analyze",
    }
)
TAKES_PROCESSES = {"scale": "{}="}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=[*SCRIPTS, "words"], metavar="SHELL", help=", ".join(SCRIPTS))
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    if options.shell != "words":
        print(SCRIPTS[options.shell])
        return ExitCode.DONE
    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    for word in candidates(words or [""], options):
        print(word)
    return ExitCode.DONE


def candidates(words: list[str], options: argparse.Namespace) -> list[str]:
    """What the last of `words` may become, given those before it."""
    *before, begun = words
    _, verb, after = main.split(before)
    if not verb:
        found = list(main.verbs())
    elif verb not in main.verbs():
        found = []
    elif begun.startswith("-"):
        found = _options(verb, options.prog)
    else:
        found = _values(verb, after, options)
    return [word for word in found if word.startswith(begun)]


def _options(verb: str, prog: str) -> list[str]:
    parser = main.parser_of(main.load(verb), verb, prog)
    return sorted(name for action in parser._actions for name in action.option_strings if name.startswith("--"))


def _values(verb: str, after: list[str], options: argparse.Namespace) -> list[str]:
    if after and after[-1] == "--engine":
        from procession.engines.registry import NAMES

        return list(NAMES)
    if verb == "help":
        return list(main.verbs())
    if verb == "completion":
        return list(SCRIPTS)
    if verb == "signal" and not [word for word in after if not word.startswith("-")]:
        import signal

        return sorted(name.removeprefix("SIG") for name in signal.Signals.__members__)
    return _running(verb, options)


def _running(verb: str, options: argparse.Namespace) -> list[str]:
    """Names out of the running stack; none where there is none."""
    if verb not in TAKES_RUNNING_NAMES and verb not in TAKES_PROCESSES:
        return []
    try:
        with Client(options.stack_directory) as client:
            data = client.call("status", timeout_seconds=ANSWER_SECONDS_MAX).data
    except Refusal:
        return []
    processes = [process["name"] for process in data["processes"]]
    if verb in TAKES_PROCESSES:
        return [TAKES_PROCESSES[verb].format(name) for name in processes]
    return [*processes, *(view["name"] for view in data["instances"])]
