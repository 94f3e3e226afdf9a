"""The tests; a package, so that no name in it can stand in for a module of the same name elsewhere."""
