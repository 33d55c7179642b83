"""A whole training in a folder: epochs, log, checkpoints, weights, and going on with it."""
