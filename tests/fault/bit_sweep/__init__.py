"""A bit of a file of a home is turned over: the data that are served stay equal, or a line says what is wrong."""
