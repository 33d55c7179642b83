"""The curves of a training: read from its log, and drawn."""
