"""How the kubelet reads $(NAME) in `command`, `env` and the commands of exec probes."""

from __future__ import annotations

from collections.abc import Mapping


def expand(text: str, variables: Mapping[str, str]) -> str:
    """k8s.io/kubernetes/third_party/forked/golang/expansion/expand.go, statement by statement."""
    out, checkpoint, cursor = "", 0, 0
    while cursor < len(text):
        if text[cursor] == "$" and cursor + 1 < len(text):
            out += text[checkpoint:cursor]
            read, is_variable, advance = _read_name(text[cursor + 1 :])
            out += variables.get(read, f"$({read})") if is_variable else read
            cursor += advance
            checkpoint = cursor + 1
        cursor += 1
    return out + text[checkpoint:]


def _read_name(text: str) -> tuple[str, bool, int]:
    if text[0] == "$":
        return "$", False, 1
    if text[0] == "(":
        end = text.find(")")
        return (text[1:end], True, end + 1) if end > 0 else ("$(", False, 1)
    return f"${text[0]}", False, 1
