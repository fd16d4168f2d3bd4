"""The main job for real: a U8+, Meltano and PostgreSQL on one machine."""
