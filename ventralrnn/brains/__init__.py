"""Neural data: recordings, their RDMs, and recordings simulated from a known model."""
