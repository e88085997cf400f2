"""Measurements of kfwd beside kubectl, on the same server in the same run."""
