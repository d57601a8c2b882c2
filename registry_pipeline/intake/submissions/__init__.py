"""What each file of a submission is used for, and which of its rows are in force."""
