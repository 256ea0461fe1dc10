"""The command ``letting-sync``; ``python -m letting_sync.cli`` where the package is not installed."""
