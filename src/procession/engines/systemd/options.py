"""PRODUCTION_STACK["ENGINES"]["systemd"]: what this engine may be told."""

from __future__ import annotations

from dataclasses import dataclass

from procession.stack.model import setting

OLDEST_VERSION = 252
STEPS_VERSION = 254  # RestartSteps=, RestartMaxDelaySec=


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    version: int = setting(
        "The oldest systemd that will read the units; 254 and later let the wait before a restart grow",
        default=OLDEST_VERSION,
    )
    user_mode: bool = setting("Units of your own `systemctl --user`, in place of the machine's", default=False)
    supervisor: bool = setting(
        "One unit, which runs `procession supervise`, in place of a unit for each process", default=False
    )
    after: tuple[str, ...] = setting('Units of the machine that start first: ["postgresql.service"]', default=())
    writable_paths: tuple[str, ...] = setting(
        "What the processes may write to; the project's directory if not said", default=()
    )
    credentials: tuple[str, ...] = setting(
        'Secrets from files that root alone may read: ["secret_key:/etc/mysite/secret_key"]; a process finds them '
        "in $CREDENTIALS_DIRECTORY",
        default=(),
    )
    write_secrets: bool = setting(
        "Secrets of ENV are written into a file of mode 0600 beside the units; else they are refused", default=False
    )
    unprotected: tuple[str, ...] = setting(
        'Settings of the hardening that these processes cannot live with: ["SystemCallFilter"]', default=()
    )
