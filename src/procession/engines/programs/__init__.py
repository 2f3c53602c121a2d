"""Programs that another engine starts, for what it lacks. Each is run by its path, with the standard library alone."""
