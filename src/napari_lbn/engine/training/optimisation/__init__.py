"""One step of a training: forward passes, the critic, what changes, and who shares the work."""
