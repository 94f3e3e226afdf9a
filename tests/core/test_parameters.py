"""Binding calls to names and back: the same as inspect does it, only faster."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.parameters import Binder, bind, call_arguments, check_reserved
from headrace.exceptions import HeadraceError, ParameterBindError, ReservedArgumentError


def none() -> Any: ...
def plain(a: Any, b: Any, c: Any) -> Any: ...
def defaults(a: Any, b: Any = 2, c: Any = 3) -> Any: ...
def keyword_only(a: Any, *, b: Any, c: Any = 3) -> Any: ...
def positional_only(a: Any, b: Any = 2, /, c: Any = 3) -> Any: ...
def stars(*a: Any, **b: Any) -> Any: ...
def everything(a: Any, /, b: Any, c: Any = 3, *args: Any, d: Any, e: Any = 5, **kw: Any) -> Any: ...
def slash_and_kw(a: Any, /, **b: Any) -> Any: ...


FUNCTIONS = [none, plain, defaults, keyword_only, positional_only, stars, everything, slash_and_kw]
functions = st.sampled_from(FUNCTIONS)
arguments = st.lists(st.integers(), max_size=5).map(tuple)
keywords = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e", "self", "args", "z"]), st.integers())

on_a_bind_that_works = pytest.mark.skipif(
    sys.version_info[:3] == (3, 13, 0), reason="its Signature.bind accepts what no call does"
)


def inspected(signature: inspect.Signature, args: Any, kwargs: Any) -> tuple[str, inspect.BoundArguments | None]:
    """Return what inspect makes of a call: why it can't be, or the arguments."""
    try:
        return "", signature.bind(*args, **kwargs)
    except TypeError as error:
        return str(error), None


@on_a_bind_that_works
@given(functions, arguments, keywords)
def test_binding_does_what_inspect_does(fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """The same parameters in the same order, or an error where inspect has one, with its reason."""
    signature = inspect.signature(fn)
    reason, expected = inspected(signature, args, kwargs)
    if expected is None:
        with pytest.raises(ParameterBindError) as caught:
            bind(fn.__name__, signature, args, kwargs)
        assert reason in str(caught.value)
        return
    given_ = dict(expected.arguments)
    expected.apply_defaults()
    binder = Binder(fn.__name__, signature)
    bound = binder(args, kwargs)
    assert bound == expected.arguments
    assert list(bound) == list(signature.parameters)
    assert binder.given(args, kwargs) == given_


@on_a_bind_that_works
@given(functions, arguments, keywords)
def test_unbinding_what_was_bound_calls_the_function_alike(fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """The arguments that come out give the parameters that went in."""
    signature = inspect.signature(fn)
    try:
        bound = bind("f", signature, args, kwargs)
    except ParameterBindError:
        return
    again, again_by_name = call_arguments(signature, bound)
    expected = signature.bind(*args, **kwargs)
    expected.apply_defaults()
    assert (again, again_by_name) == (expected.args, expected.kwargs)
    assert bind("f", signature, again, again_by_name) == bound


class TestUnbinding:
    @pytest.mark.parametrize("fn", FUNCTIONS)
    def test_missing_parameters_take_their_defaults(self, fn: Callable[..., Any]) -> None:
        """What is required suffices; stars may be left out."""
        signature = inspect.signature(fn)
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        required = {
            name: 1
            for name, parameter in signature.parameters.items()
            if parameter.default is parameter.empty and parameter.kind not in kinds
        }
        args, kwargs = call_arguments(signature, required)
        expected = signature.bind(*args, **kwargs)
        expected.apply_defaults()
        assert Binder("f", signature).completed(required) == expected.arguments
        assert list(Binder("f", signature).completed(required)) == list(signature.parameters)

    def test_a_missing_parameter_without_default_is_an_error(self) -> None:
        """It is named."""
        with pytest.raises(ParameterBindError, match="missing 'b', 'c'"):
            call_arguments(inspect.signature(plain), {"a": 1})

    def test_a_parameter_that_the_function_does_not_take_is_an_error(self) -> None:
        """It is named, even where the number of parameters is right."""
        with pytest.raises(ParameterBindError, match="it takes no 'z'"):
            call_arguments(inspect.signature(plain), {"a": 1, "b": 2, "z": 3})

    def test_the_order_of_the_parameters_does_not_matter(self) -> None:
        """They go by name."""
        assert call_arguments(inspect.signature(plain), {"c": 3, "a": 1, "b": 2}) == ((1, 2, 3), {})


class TestErrors:
    def test_a_call_that_does_not_fit_is_shown_beside_the_signature(self) -> None:
        """Name, signature, arguments and reason, in one line; the error is a TypeError and ours."""
        with pytest.raises(ParameterBindError) as caught:
            bind("add", inspect.signature(lambda x, y=2: None), (1, 2, 3), {"z": "q"})
        assert str(caught.value) == "add(x, y=2) can't be called as add(1, 2, 3, z='q'): too many positional arguments"
        assert isinstance(caught.value, TypeError)
        assert isinstance(caught.value, HeadraceError)

    def test_the_traceback_of_inspect_is_left_out(self) -> None:
        """It would tell the user nothing."""
        with pytest.raises(ParameterBindError) as caught:
            bind("plain", inspect.signature(plain), (), {})
        assert caught.value.__suppress_context__

    @pytest.mark.parametrize("reserved", ["return_state", "wait_for"])
    def test_keywords_that_are_ours_may_not_be_parameters(self, reserved: str) -> None:
        """The message names the parameter and another name for it."""
        signature = inspect.Signature([inspect.Parameter(reserved, inspect.Parameter.KEYWORD_ONLY)])
        with pytest.raises(ReservedArgumentError, match=rf"{reserved!r}.*Rename .* '{reserved}_'"):
            check_reserved("f", signature)

    @pytest.mark.parametrize("fn", FUNCTIONS)
    def test_other_parameters_are_free(self, fn: Callable[..., Any]) -> None:
        """Nothing else is reserved."""
        check_reserved(fn.__name__, inspect.signature(fn))


def test_defaults_are_passed_as_the_very_same_objects() -> None:
    """As in Python: nobody copies them."""
    shared: list[int] = []
    signature = inspect.signature(lambda a=shared: None)
    assert bind("f", signature, (), {})["a"] is shared
