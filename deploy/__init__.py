"""Set-up of a deployment: secrets, first start and health checks; ``vm/`` has the files for virtual machines."""
