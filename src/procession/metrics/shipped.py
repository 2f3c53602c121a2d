"""What comes along for Prometheus and Grafana: files beside this one, as they are given to those."""

from __future__ import annotations

import os

RULES = "rules.yml"
GRAFANA = "grafana.json"


def shipped(name: str) -> str:
    """The text of RULES or GRAFANA."""
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()
