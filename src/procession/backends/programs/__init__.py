"""Programs that backends start with `python -m`, where a server lacks what we need of it. They import that server."""
