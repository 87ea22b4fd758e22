"""One normaliser in, one renderer per dialect out."""
