"""One store for SQLite and PostgreSQL: grouped durable writes through one thread, cheap reads."""

from idverify.storage.store import Store

__all__ = ["Store"]
