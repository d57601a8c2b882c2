"""What several kinds of tests share. No test belongs here."""
