"""What can be measured of a stack, as Prometheus reads it.

Nothing is kept here: each answer is made of what the supervisor, the recorder, /proc and the queues say at that
moment. A metric is a value in `families`; a test compares those with the alert rules, the Grafana dashboard, the docs.
"""
