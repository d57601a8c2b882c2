"""Numbers computed by R, and the tests that compare with them."""
