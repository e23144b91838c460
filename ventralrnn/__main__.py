"""``python -m ventralrnn`` is the command ``ventralrnn``."""

from ventralrnn.cli.main import main

if __name__ == "__main__":
    main()
