"""Public data sets of brains and people, a file each, and their registry of names."""
