"""Restarting processes when the site's files change: what is looked at, what changed, and who is concerned."""
