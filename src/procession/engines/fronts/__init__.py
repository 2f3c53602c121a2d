"""nginx and Caddy on the machine itself: they are configured, and others run them."""
