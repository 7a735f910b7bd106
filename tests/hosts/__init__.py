"""Several hosts against one database and one S3 endpoint: `python -m tests.hosts --help`."""
