"""The command line: parses, calls one function, prints. One file a command."""
