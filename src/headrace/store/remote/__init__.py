"""The store of a process that reports to a server: what it does is kept in a spool, and delivered in batches."""
