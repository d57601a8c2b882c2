"""Files of every foreign format, changed at random: each has to come out as rows or as one sentence."""
