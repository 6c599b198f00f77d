"""``python -m reilab``, the same as the ``reilab`` command."""

from reilab.cli.main import main

if __name__ == "__main__":
    main()
