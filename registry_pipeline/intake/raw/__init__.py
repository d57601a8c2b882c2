"""Source rows as text, in Parquet, and single cells looked up in them."""
