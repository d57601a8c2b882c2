"""What can be judged only over all facilities: persons, references between them, findings over releases."""
