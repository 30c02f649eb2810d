"""Taking over an existing register: rows of a file become drafts, each row once and for all."""
