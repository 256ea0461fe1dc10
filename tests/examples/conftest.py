"""The worked example of the guide ``docs/adding-a-system.md``."""
