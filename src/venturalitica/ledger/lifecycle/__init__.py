"""Sign off, erase, prune, look after keys: what people do with records."""
