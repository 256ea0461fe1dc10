"""Creates the pools that limit concurrent requests to the ERPs."""
