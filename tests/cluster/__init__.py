"""Several machines: what workers go by, the files of ``deploy/``, and whole refreshes over services on loopback."""
