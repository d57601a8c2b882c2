"""What only cervical cancer and its oligometastases know: code lists, staging, toxicity, expressions."""
