"""`python -m sopro_cli`: the same as `sopro`."""

from sopro_cli.main import main

main()
