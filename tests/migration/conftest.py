from tests.integration.hub.conftest import cluster, database, database_url

__all__ = ["cluster", "database", "database_url"]
