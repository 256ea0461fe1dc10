"""Setting up a deployment: secrets, first start, health checks, and a whole cluster without Docker."""
