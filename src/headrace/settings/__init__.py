"""Settings: what they are, where their values come from, and how to change them for a while.

A value is looked for in this order, and the first place that has one wins:

1. `temporary_settings`, the innermost first;
2. the environment variable ``HEADRACE_…`` (an empty one counts as not set; unknown ones are ignored);
3. the active profile in ``profiles.toml`` in the home directory: the one that ``HEADRACE_PROFILE`` names,
   else the one that the file calls ``active``, else "default";
4. ``[tool.headrace]`` in the nearest ``pyproject.toml``, from the working directory upwards;
5. the default.

Reading them all takes a fraction of a millisecond, and runs ask often; so what was read is kept, and
`current_settings()` is two look-ups. The price: a change of the environment or of a file made while the
process runs is seen after `refresh_settings()`, not before.

`table` lists the settings, `readers` turns what was written into values, `sources` looks into the places
above, `scopes` says what is in force, `profiles` writes the profile file.
"""

from headrace.settings.profiles import profile_path, set_in_profile, unset_in_profile
from headrace.settings.scopes import (
    current_settings,
    refresh_settings,
    source_of,
    temporary_settings,
)
from headrace.settings.table import SETTINGS, Setting, Settings, Source, find_setting

#: The name that users of Prefect know.
get_current_settings = current_settings

HEADRACE_API_URL = Settings.api_url
HEADRACE_API_AUTH_STRING = Settings.api_auth_string
HEADRACE_API_KEY = Settings.api_key
HEADRACE_SERVER_API_HOST = Settings.server_api_host
HEADRACE_SERVER_API_PORT = Settings.server_api_port
HEADRACE_SERVER_API_AUTH_STRING = Settings.server_api_auth_string
HEADRACE_SERVER_DATABASE_CONNECTION_URL = Settings.server_database_connection_url
HEADRACE_HOME = Settings.home
HEADRACE_STORE_PATH = Settings.store_path
HEADRACE_RESULTS_LOCAL_STORAGE_PATH = Settings.results_local_storage_path
HEADRACE_RESULTS_PERSIST_BY_DEFAULT = Settings.results_persist_by_default
HEADRACE_RESULTS_DEFAULT_SERIALIZER = Settings.results_default_serializer
HEADRACE_LOGGING_LEVEL = Settings.logging_level
HEADRACE_LOGGING_LOG_PRINTS = Settings.logging_log_prints
HEADRACE_LOGGING_TO_API_ENABLED = Settings.logging_to_api_enabled
HEADRACE_FLOWS_DEFAULT_RETRIES = Settings.flows_default_retries
HEADRACE_FLOWS_DEFAULT_RETRY_DELAY_SECONDS = Settings.flows_default_retry_delay_seconds
HEADRACE_TASKS_DEFAULT_RETRIES = Settings.tasks_default_retries
HEADRACE_TASKS_DEFAULT_RETRY_DELAY_SECONDS = Settings.tasks_default_retry_delay_seconds
HEADRACE_TASKS_DEFAULT_PERSIST_RESULT = Settings.tasks_default_persist_result
HEADRACE_TASKS_DEFAULT_NO_CACHE = Settings.tasks_default_no_cache
HEADRACE_TASKS_DISABLE_CACHING = Settings.tasks_disable_caching
HEADRACE_TASKS_REFRESH_CACHE = Settings.tasks_refresh_cache
HEADRACE_TASKS_RUNNER_THREAD_POOL_MAX_WORKERS = Settings.tasks_runner_thread_pool_max_workers
HEADRACE_TASKS_RUNNER_PROCESS_POOL_MAX_WORKERS = Settings.tasks_runner_process_pool_max_workers

__all__ = [
    "HEADRACE_API_AUTH_STRING",
    "HEADRACE_API_KEY",
    "HEADRACE_API_URL",
    "HEADRACE_FLOWS_DEFAULT_RETRIES",
    "HEADRACE_FLOWS_DEFAULT_RETRY_DELAY_SECONDS",
    "HEADRACE_HOME",
    "HEADRACE_LOGGING_LEVEL",
    "HEADRACE_LOGGING_LOG_PRINTS",
    "HEADRACE_LOGGING_TO_API_ENABLED",
    "HEADRACE_RESULTS_DEFAULT_SERIALIZER",
    "HEADRACE_RESULTS_LOCAL_STORAGE_PATH",
    "HEADRACE_RESULTS_PERSIST_BY_DEFAULT",
    "HEADRACE_SERVER_API_AUTH_STRING",
    "HEADRACE_SERVER_API_HOST",
    "HEADRACE_SERVER_API_PORT",
    "HEADRACE_SERVER_DATABASE_CONNECTION_URL",
    "HEADRACE_STORE_PATH",
    "HEADRACE_TASKS_DEFAULT_NO_CACHE",
    "HEADRACE_TASKS_DEFAULT_PERSIST_RESULT",
    "HEADRACE_TASKS_DEFAULT_RETRIES",
    "HEADRACE_TASKS_DEFAULT_RETRY_DELAY_SECONDS",
    "HEADRACE_TASKS_DISABLE_CACHING",
    "HEADRACE_TASKS_REFRESH_CACHE",
    "HEADRACE_TASKS_RUNNER_PROCESS_POOL_MAX_WORKERS",
    "HEADRACE_TASKS_RUNNER_THREAD_POOL_MAX_WORKERS",
    "SETTINGS",
    "Setting",
    "Settings",
    "Source",
    "current_settings",
    "find_setting",
    "get_current_settings",
    "profile_path",
    "refresh_settings",
    "set_in_profile",
    "source_of",
    "temporary_settings",
    "unset_in_profile",
]
