"""Makes the pools that guard the ERPs."""
