"""Tomograms of other programs, and the folds that they are given: hidden tilts for everybody."""
