"""What a node serves over HTTP: log, API and pages."""
