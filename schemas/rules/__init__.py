"""Rules that fit any table: generic, key, temporal, REDCap."""
