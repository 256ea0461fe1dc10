"""EverReal, a letting platform (partner): its hook, its mapping, its operator."""
