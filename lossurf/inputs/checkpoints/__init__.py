"""A network from anywhere: which arrays are layers, in which order and orientation."""
