"""Fixtures of the engines' tests."""

from __future__ import annotations

from tests.engines.contained import docker_config

__all__ = ["docker_config"]
