"""The log files and the history, as those who look at them read them: no recorder needs to be running."""
