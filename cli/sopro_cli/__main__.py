"""`python -m sopro_cli`: the same as `sopro`."""

from sopro_cli.main import main

if __name__ == "__main__":  # worker processes load this module too
    main()
