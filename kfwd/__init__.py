"""kfwd: every pod and service of every cluster, always at the same local address."""

__version__ = "0.1.0"
