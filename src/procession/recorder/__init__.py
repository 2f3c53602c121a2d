"""The recorder: a small process that reads what instances say and writes it to log files.

It is a sibling of the supervisor, started by its path, with `python -I -S`. How the parts meet:

    web.1's stdout -> fifo/web.1 -> streams -> hand -> stamp -> logfile -> log/web.1.log   (rotation, compress)
    supervisor     -> recorder.fifo -> commands -> recorder -> history, history_main -> history.sqlite

`reading/` is the other side: the log files and the history as the command line reads them.
"""
