"""The only place with sockets, files, clock, randomness and a database."""
