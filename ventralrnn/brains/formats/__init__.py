"""Kinds of file: MATLAB, tables, and RDMs in any of them."""
