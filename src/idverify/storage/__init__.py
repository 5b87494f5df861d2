"""One store for SQLite and PostgreSQL: grouped durable writes through one thread, cheap reads."""

from idverify.storage.engines import one_process_at_a_time
from idverify.storage.store import Store

__all__ = ["Store", "one_process_at_a_time"]
