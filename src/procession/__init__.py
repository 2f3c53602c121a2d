"""Procession runs a Django site's processes: declared once, run anywhere."""

__version__ = "0.1.0"
