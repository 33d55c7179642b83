"""Specimens: ice, cells, membranes, filaments, macromolecules and beads on a voxel grid."""
