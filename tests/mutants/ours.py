"""Our node behind the adapter protocol, with this Python."""

from sopro_cli.adapter import adapter

if __name__ == "__main__":
    adapter(args=[])
