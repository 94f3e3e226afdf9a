"""What can be imported from where: the names that are promised."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from typing import Any

import pytest

import headrace

#: The modules that users import from, and what they find there at least.
FACADE = {
    "headrace": "flow task Flow Task State Transaction tags unmapped allow_failure get_run_logger get_client "
    "serve aserve __version__",
    "headrace.main": "flow task Flow Task State Transaction tags unmapped allow_failure get_run_logger get_client",
    "headrace.flows": "Flow flow load_flow_from_entrypoint load_flow_from_script load_flows_from_script "
    "load_function_and_convert_to_flow select_flow",
    "headrace.types.entrypoint": "EntrypointType",
    "headrace.tasks": "Task task exponential_backoff task_input_hash",
    "headrace.task_worker": "TaskWorker serve aserve",
    "headrace.futures": "DistributedFuture RunFuture RunFutureList as_completed wait resolve_futures_to_results "
    "resolve_futures_to_states",
    "headrace.states": "State StateType Completed Failed Crashed Cancelled Cancelling Running Pending Scheduled Late "
    "AwaitingRetry AwaitingConcurrencySlot Retrying Paused Suspended Submitting StateGroup is_state is_state_iterable "
    "raise_state_exception get_state_exception get_state_result return_value_to_state exception_to_failed_state "
    "exception_to_crashed_state format_exception",
    "headrace.task_runners": "TaskRunner ThreadPoolTaskRunner ProcessPoolTaskRunner ConcurrentTaskRunner",
    "headrace.context": "EngineContext FlowRunContext TaskRunContext TagsContext get_run_context tags",
    "headrace.logging": "get_run_logger get_logger disable_run_logger",
    "headrace.logging.loggers": "get_run_logger get_logger disable_run_logger flow_run_logger task_run_logger",
    "headrace.runtime": "flow_run task_run deployment",
    "headrace.utilities.annotations": "unmapped allow_failure quote opaque Annotation BaseAnnotation NotSet",
    "headrace.utilities.asyncutils": "is_async_fn is_async_gen_fn run_coro_as_sync run_async_in_new_loop "
    "run_sync_in_worker_thread sync_compatible gather",
    "headrace.utilities.callables": "get_call_parameters get_parameter_defaults parameters_to_args_kwargs "
    "call_with_parameters cloudpickle_wrapped_call explode_variadic_parameter collapse_variadic_parameters "
    "expand_mapping_parameters raise_for_reserved_arguments ParameterSchema parameter_schema parameter_docstrings",
    "headrace.utilities.collections": "visit_collection StopVisiting quote AutoEnum dict_to_flatdict flatdict_to_dict "
    "isiterable ensure_iterable listrepr extract_instances batched_iterable remove_nested_keys distinct get_from_dict "
    "set_in_dict deep_merge deep_merge_dicts",
    "headrace.utilities.hashing": "stable_hash file_hash hash_objects",
    "headrace.utilities.names": "generate_slug obfuscate obfuscate_string",
    "headrace.utilities.visualization": "FlowVisualizationError VisualizationUnsupportedError GraphvizImportError "
    "GraphvizExecutableNotFoundError FlowGraph Node Edge graph_of show",
    "headrace.concurrency.sync": "concurrency rate_limit",
    "headrace.concurrency.asyncio": "concurrency rate_limit",
    "headrace.client.orchestration": "get_client HeadraceClient SyncHeadraceClient",
    "headrace.client.schemas.objects": "State StateType StateDetails FlowRun TaskRun ConcurrencyLimit TERMINAL_STATES "
    "Flow Log GlobalConcurrencyLimit",
    "headrace.client.schemas.actions": "GlobalConcurrencyLimitCreate",
    "headrace.client.schemas.filters": "FlowRunFilter TaskRunFilter FlowFilter LogFilter FlowRunFilterId",
    "headrace.client.schemas.schedules": "CronSchedule IntervalSchedule RRuleSchedule",
    "headrace.schedules": "Cron Interval RRule Schedule",
    "headrace.deployments": "RunnerDeployment serve aserve",
    "headrace.deployments.runner": "RunnerDeployment",
    "headrace.client.schemas.sorting": "FlowRunSort TaskRunSort LogSort",
    "headrace.settings": "temporary_settings",
    "headrace.testing.utilities": "headrace_test_harness exceptions_equal",
    "headrace.cache_policies": "CachePolicy CacheKeyFnPolicy CompoundCachePolicy Inputs TaskSource FlowParameters "
    "RunId INPUTS TASK_SOURCE FLOW_PARAMETERS RUN_ID DEFAULT NO_CACHE NONE",
    "headrace.results": "ResultStore ResultRecord ResultRecordMetadata get_result_store get_default_result_storage "
    "should_persist_result resolve_result_storage resolve_serializer",
    "headrace.serializers": "Serializer PickleSerializer JSONSerializer CompressedSerializer "
    "CompressedPickleSerializer CompressedJSONSerializer",
    "headrace.filesystems": "WritableFileSystem LocalFileSystem RemoteFileSystem",
    "headrace.transactions": "Transaction AsyncTransaction transaction atransaction get_transaction CommitMode "
    "IsolationLevel TransactionState",
    "headrace.locking.protocol": "LockManager",
    "headrace.locking.memory": "MemoryLockManager",
    "headrace.locking.filesystem": "FileSystemLockManager",
    "headrace.exceptions": "HeadraceError CrashedRun FailedRun CancelledRun PausedRun UnfinishedRun MissingResult "
    "ParameterTypeError ParameterBindError ReservedArgumentError MissingContextError InvalidNameError "
    "MappingLengthMismatch MappingMissingIterable UpstreamTaskError NotPausedError FlowPauseTimeout "
    "SerializationError ConfigurationError ObjectNotFound ObjectAlreadyExists ScriptError MissingFlowError "
    "UnspecifiedFlowError SignatureMismatchError",
}

#: Not for users, though their names have no underscore: other modules of the engine use them.
ENGINES_OWN = {
    "TaskRunJob",
    *("kept_by", "keeper_of", "resolve_storage", "encode_object", "decode_object", "load_graphviz"),
    "deployment_of",
}


@pytest.mark.parametrize("module", FACADE)
def test_a_module_of_the_facade_offers_its_names(module: str) -> None:
    """All of them are in `__all__`, and all of `__all__` is there."""
    imported = importlib.import_module(module)
    assert set(FACADE[module].split()) <= set(imported.__all__)
    assert all(hasattr(imported, name) for name in imported.__all__)
    assert len(set(imported.__all__)) == len(imported.__all__)


@pytest.mark.parametrize("module", FACADE)
def test_a_star_import_works(module: str) -> None:
    """Everything promised, nothing else."""
    space: dict[str, Any] = {}
    exec(f"from {module} import *", space)
    assert set(space) - {"__builtins__"} == set(importlib.import_module(module).__all__)


@pytest.mark.parametrize("module", FACADE)
def test_what_a_module_defines_for_users_is_promised(module: str) -> None:
    """No public class or function of the module's own is left out of `__all__`."""
    imported = importlib.import_module(module)
    public = {
        name
        for name, value in vars(imported).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module
    }
    assert public - ENGINES_OWN <= set(imported.__all__)


def test_every_promise_of_the_package_holds() -> None:
    """Wherever there is an `__all__`, its names are there."""
    for found in pkgutil.walk_packages(headrace.__path__, "headrace."):
        if found.name == "headrace.__main__":
            continue
        module = importlib.import_module(found.name)
        missing = [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)]
        assert missing == [], found.name


def test_every_error_is_of_one_tree() -> None:
    """HeadraceError, or a signal that is no Exception; and those that stand for a builtin error are one."""
    from headrace import exceptions

    for name in exceptions.__all__:
        kind = getattr(exceptions, name)
        assert issubclass(kind, exceptions.HeadraceError) or not issubclass(kind, Exception)
    assert issubclass(exceptions.ParameterBindError, TypeError)
    assert issubclass(exceptions.ReservedArgumentError, TypeError)
    assert issubclass(exceptions.MissingContextError, RuntimeError)
    assert issubclass(exceptions.InvalidNameError, ValueError)


def test_importing_headrace_is_light() -> None:
    """What plain flows do without is not loaded."""
    heavy = (
        "pydantic",
        "asyncio",
        "httpx",
        "fastapi",
        "typer",
        "rich",
        "hypothesis",
        "sqlite3",
        "cloudpickle",
        "pytest",
    )
    code = f"import sys, headrace; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_what_is_not_there_yet_says_so() -> None:
    """Rather than leave users to look for a typing error."""
    for name in ("deploy", "suspend_flow_run", "pause_flow_run", "resume_flow_run"):
        with pytest.raises(AttributeError, match="not part of this version"):
            getattr(headrace, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As for any module."""
    with pytest.raises(AttributeError, match="nonsense"):
        _ = headrace.nonsense
