"""Names and labels that the API server takes.

Names are DNS labels (RFC 1123): lower case, digits, -, at most 63 characters, and a Service's begins with a letter
(RFC 1035). A declared name begins with a letter, and two that differ in case or in - and _ alone are refused (E008); so
to fold them is enough, until one is too long: then a hash of the whole keeps it apart.
"""

from __future__ import annotations

import hashlib
import json
import re

from procession.engines.text.yaml import Data
from procession.stack.model import Stack

NAME_CHARS_MAX = 50  # a Job's name gets a hash of 9 behind it, and becomes a label of its pods: 63 at most
HASH_CHARS = 8
LABEL_CHARS_MAX = 63
PREFIX = "app.kubernetes.io"
INSTANCE, COMPONENT = f"{PREFIX}/instance", f"{PREFIX}/component"

Labels = dict[str, Data]


def object_name(*words: str) -> str:
    """`object_name("mysite", "celery_worker")` is mysite-celery-worker: always valid, at most 50 characters long."""
    said = "-".join(words)
    name = re.sub(r"[^a-z0-9-]", "-", said.lower().replace("_", "-")).strip("-")
    if len(name) <= NAME_CHARS_MAX and name[:1].isalpha() and re.fullmatch(r"[A-Za-z0-9_-]+", said):
        return name
    start = name[: NAME_CHARS_MAX - HASH_CHARS - 3].strip("-")
    return f"{start if start[:1].isalpha() else f'p-{start}'.strip('-')}-{digest(said.lower())}"


def digest(data: Data) -> str:
    """Short, and the same for the same content."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_CHARS]


def label_value(text: str) -> str:
    """What is left of it in a label: letters, digits, - _ . and 63 characters, letters or digits at its ends."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text)[:LABEL_CHARS_MAX].strip("-_.")


def selector(stack: Stack, process: str) -> Labels:
    """What never changes: a Deployment's selector is immutable."""
    return {INSTANCE: label_value(stack.name), COMPONENT: label_value(process)}


def labels(stack: Stack, process: str = "", image: str = "") -> Labels:
    """The recommended labels (kubernetes.io, Recommended Labels); `version` is the image's tag."""
    found: Labels = {f"{PREFIX}/name": label_value(stack.name), INSTANCE: label_value(stack.name)}
    if process:
        found[COMPONENT] = label_value(process)
    if version := label_value(_tag(image)):
        found[f"{PREFIX}/version"] = version
    return {**found, f"{PREFIX}/managed-by": "procession"}


def ours(stack: Stack) -> str:
    """The selector of all that `apply` has put there, as kubectl wants it."""
    return f"{PREFIX}/managed-by=procession,{INSTANCE}={label_value(stack.name)}"


def _tag(image: str) -> str:
    """1.4 of registry.example:5000/mysite:1.4@sha256:..."""
    last = image.partition("@")[0].rpartition("/")[2]
    return last.partition(":")[2]
