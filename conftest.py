"""Our own tests run pytest inside pytest to prove what the plugin promises."""

pytest_plugins = ["pytester"]
