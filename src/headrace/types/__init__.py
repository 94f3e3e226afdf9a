"""Small types that users name."""
