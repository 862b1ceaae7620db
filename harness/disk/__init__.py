"""Files of any kind: whole ones or none, sealed JSON, arrays, whose they are, and the user's own folders."""
