"""Make a command of a function: options from dataclasses, errors to messages and exit codes.

Exit codes: 0 done; 1 an unexpected failure; 2 input that cannot be used; 130 Ctrl-C;
143 terminated.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn, get_type_hints

import typer

from napari_lbn.engine.errors import Cancelled, InternalError, LBNError

DONE, FAILED, BAD_INPUT, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
DEBUG_VARIABLE = "NAPARI_LBN_DEBUG"

DebugOption = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of a failure.", envvar=DEBUG_VARIABLE)
]


class Terminated(BaseException):
    """The process was told to end (SIGTERM); a BaseException so that `finally` blocks run."""


def add_command(
    app: typer.Typer, function: Callable[..., None], *, name: str | None = None
) -> None:
    """Add a function to the application, by default under its own name.

    Its dataclass parameters become options.
    """
    app.command(name)(_flatten(function))


def _flatten(function: Callable[..., None]) -> Callable[..., None]:
    """Replace parameters that are dataclasses by their fields, and add ``--debug``."""
    hints = get_type_hints(function, include_extras=True)
    groups = {name: hints[name] for name in inspect.signature(function).parameters}

    def command(*, debug: bool, **values: Any) -> None:
        arguments = {name: _gather(kind, name, values) for name, kind in groups.items()}
        _run(lambda: function(**arguments), debug=debug)

    parameters = [parameter for name in groups for parameter in _parameters(function, name, hints)]
    parameters.append(_keyword("debug", DebugOption, False))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__name__ = function.__name__
    command.__doc__ = _unwrapped(function.__doc__ or "")
    return command


def _unwrapped(text: str) -> str:
    """A docstring whose lines end where sentences do: help wraps them to the terminal's width."""
    lines: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        if line and lines and lines[-1] and not lines[-1].endswith("."):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return "\n".join(lines)


def _gather(kind: Any, name: str, values: dict[str, Any]) -> Any:
    """The value of one parameter of the function: an option's, or a dataclass of many."""
    if not dataclasses.is_dataclass(kind):
        return values[name]
    fields = {field.name: values[field.name] for field in dataclasses.fields(kind)}
    return kind(**fields)  # type: ignore[operator]


def _parameters(
    function: Callable[..., None], name: str, hints: dict[str, Any]
) -> list[inspect.Parameter]:
    kind = hints[name]
    if not dataclasses.is_dataclass(kind):
        default = inspect.signature(function).parameters[name].default
        return [_keyword(name, kind, default)]
    field_hints = get_type_hints(kind, include_extras=True)
    return [
        _keyword(
            field.name,
            field_hints[field.name],
            inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
        )
        for field in dataclasses.fields(kind)
    ]


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, annotation=annotation, default=default)


def _run(work: Callable[[], None], *, debug: bool) -> None:
    """Do the work; end the process with an exit code and a short message if it fails."""
    stopped: list[int] = []
    listen_to_terminate(stopped)
    try:
        work()
    except (KeyboardInterrupt, Cancelled) as error:
        _end_stopped(signal.SIGINT, error)
    except Terminated as error:
        _end_stopped(signal.SIGTERM, error)
    except BrokenPipeError:
        _leave_quietly()
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if debug:
            _print_traceback()
        if stopped:  # an import that was interrupted raises what it likes
            _end_stopped(stopped[0], error)
        expected = isinstance(error, LBNError) and not isinstance(error, InternalError)
        _end(_describe(error, debug=debug), BAD_INPUT if expected else FAILED)


def listen_to_terminate(stopped: list[int] | None = None) -> None:
    """Let SIGTERM (a cluster's time limit) unwind the stack, so that temporary files go.

    Parameters
    ----------
    stopped : list of int, optional
        Takes the number of each SIGTERM and Ctrl-C, whatever becomes of their exceptions.
    """

    def stop(number: int, _frame: object) -> NoReturn:
        if stopped is not None:
            stopped.append(number)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated

    try:
        signal.signal(signal.SIGTERM, stop)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, stop)
    except ValueError:  # not the main thread: somebody else's signals
        return


def _end_stopped(number: int, error: BaseException) -> NoReturn:
    """Say what is left; the notes of an exception tell it where something was kept."""
    left = " ".join(_notes(error)) or "Nothing unfinished was left behind."
    if number == signal.SIGINT:
        _end(f"Stopped. {left}", INTERRUPTED)
    _end(f"Terminated. {left}", TERMINATED)


def _notes(error: BaseException) -> list[str]:
    """What was added with `add_note` on the way."""
    return list(getattr(error, "__notes__", ()))


def _leave_quietly() -> NoReturn:
    """Whoever read our output has gone, as in ``napari-lbn info TS.mrc | head``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(FAILED)


def _describe(error: Exception, *, debug: bool) -> str:
    if isinstance(error, LBNError):
        lines = [f"Error: {error.message}", error.remedy]
    else:
        lines = [f"Error: unexpected {type(error).__name__}: {error}"]
    lines += _notes(error)
    if (isinstance(error, InternalError) or not isinstance(error, LBNError)) and not debug:
        lines.append("This is a fault of napari-lbn. Run again with --debug and report the output.")
    return "\n".join(line for line in lines if line)


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _end(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)
