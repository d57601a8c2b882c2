"""Pictures of estimates, each with the data behind it."""
