"""Predictions of hidden tilts: by the network, and by what a user could do without one."""
