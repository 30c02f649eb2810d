"""Record families, their rules and what follows from them: a pure function of logs and a date."""
