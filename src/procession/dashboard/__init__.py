"""The dashboard: pages for a site's staff, or for who has a one-time token. A client of the control socket."""
