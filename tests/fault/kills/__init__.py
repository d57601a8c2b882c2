"""Every command that writes, killed at random moments and before random changes of files: nothing is lost or left."""
