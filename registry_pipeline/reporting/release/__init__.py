"""What of a release a page may show: its tables, small counts hidden."""
