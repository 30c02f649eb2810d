"""A worker process that checks everything of a bundle but its signatures."""

from sopro_node import verify, worker


def main() -> None:
    """Work as `sopro_node.worker` does, believing every signature."""
    verify.is_verified = lambda _data, _keys: True
    worker.main()


if __name__ == "__main__":
    main()
