"""One history of the database, by Alembic."""
