"""Mietblick, an invented letting platform (partner): its hook, its mapping, its operator."""
