"""A user's own data: RDMs in files and folders, and responses that a small YAML file describes."""
