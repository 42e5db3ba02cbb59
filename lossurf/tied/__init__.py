"""Tied linear autoencoders, 1/2 ||W^T W X - X||^2: one matrix is encoder and, transposed, decoder."""
