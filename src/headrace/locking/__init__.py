"""Locks on keys, so that transactions with the same key wait for one another."""
