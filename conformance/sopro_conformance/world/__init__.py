"""The federation around the candidate: logs that the suite writes itself, right and wrong."""
