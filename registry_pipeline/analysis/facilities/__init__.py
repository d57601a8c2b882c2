"""Many hospitals: whether they differ, by how much, and what the answer is without each of them."""
