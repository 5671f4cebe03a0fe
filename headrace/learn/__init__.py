"""From examples to a bundle: exact metrics, shares, the matrix, the bundle and its card."""
