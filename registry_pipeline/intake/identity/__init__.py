"""Which rows speak of one person within a facility."""
