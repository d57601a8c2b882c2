"""Growth of lesions: forms, fits, onset, intervals and the surveillance that follows from them."""
