"""A vendor library that answers what was recorded of it, in a capture's nvml.json or amdsmi.json.

A file is one object, function to answer:

    {"nvmlInit": "OK", "nvmlDeviceGetCount": 2, "nvmlDeviceGetName": "NVIDIA A100",
     "nvmlDeviceGetPowerUsage": "NVMLError_NotSupported",
     "nvmlDeviceGetTemperature": {"0": 31, "1": 34},
     "nvmlDeviceGetClockInfo": {"1": {"NVML_CLOCK_SM": 1410}},
     "nvmlDeviceGetMemoryInfo": {"total": 80, "used": 4},
     "nvmlDeviceGetFieldValues": {"186:0": 68500, "82": "NVMLError_NotSupported"}}

- A string that is the name of an error is raised: a class of the library under that name. "OK" is None.
- An object whose keys are arguments is entered with them, in order: a device by its number, a constant by its name,
  anything else by its text. An argument that no key names is passed over, so that one answer may do for all.
- Any other object is a structure, its keys are attributes, and items too.
- What is asked with a list of fields (the last argument) is answered one by one, by "ID:SCOPE" or "ID"; a number is a
  good answer, the name of an error stands for its code. Where devices differ, their numbers come first.
- A call for all handles (amdsmi_get_processor_handles) is answered by how many there are.
- A call that was not recorded is a function that this library does not have (LIBRARYError_FunctionNotFound).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchfleet.core.errors import DocumentError

ERROR = re.compile(r"[A-Za-z]\w*(Error|Exception)(_\w+)?")
CONSTANT = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+")
ARGUMENT = re.compile(r"\d+(:\d+)?|[A-Z][A-Z0-9]*_[A-Z0-9_]+")
HANDLE = re.compile(r"\w*(HandleByIndex|handles?)(_v\d+)?")
CODES = {"NotSupported": 3, "NoPermission": 4, "Timeout": 10, "FunctionNotFound": 13, "GpuIsLost": 15, "NoData": 21}
"""NVML_ERROR_* of nvml.h; any other error is 999, unknown."""
UNKNOWN = 999
DOUBLE, WHOLE, SIGNED = 0, 3, 4
"""NVML_VALUE_TYPE_DOUBLE, _UNSIGNED_LONG_LONG and _SIGNED_LONG_LONG."""


class Device(int):
    """A handle: it is told from an argument that is a number, and may be told from another of its kind."""


class Structure(dict[str, Any]):
    """An answer of several fields: of ctypes in one library, a dictionary in another."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Recorded:
    """The library. `answers` is read at each call, so that a test may change what a device says."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self._errors: dict[str, type[Exception]] = {}

    def __getattr__(self, name: str) -> Any:
        """A class of error, a constant (its own name, unless it was recorded), or a function."""
        if name.startswith("_"):
            raise AttributeError(name)
        if ERROR.fullmatch(name):
            return self._error(name)
        if CONSTANT.fullmatch(name):
            return self.answers.get(name, name)
        return self._function(name)

    def _error(self, name: str) -> type[Exception]:
        if name not in self._errors:
            base = name.partition("_")[0]
            bases = (Exception,) if base == name else (self._error(base),)
            self._errors[name] = type(name, bases, {"value": _code(name)})
        return self._errors[name]

    def _function(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if name not in self.answers:
                return self._unrecorded(name, arguments)
            answer = self.answers[name]
            fields = arguments[-1] if arguments and isinstance(arguments[-1], list | tuple) else None
            for argument in arguments[: None if fields is None else -1]:
                answer = self._entered(answer, argument)
            if fields is not None:
                return [self._field(answer, wanted) for wanted in fields]
            if HANDLE.fullmatch(name) and not isinstance(answer, str):
                return Device(arguments[0]) if arguments else [Device(index) for index in range(_count(answer))]
            return self._said(answer)

        return call

    def _unrecorded(self, name: str, arguments: Sequence[Any]) -> Any:
        if HANDLE.fullmatch(name) and arguments and isinstance(arguments[0], int):
            return Device(arguments[0])
        if name.endswith(("Shutdown", "shut_down")):
            return None
        raise self._error(f"{self._family()}_FunctionNotFound")(f"{name}: not in the capture")

    def _family(self) -> str:
        """NVMLError, unless other errors are in the recording."""
        named = (v for v in self.answers.values() if isinstance(v, str) and ERROR.fullmatch(v))
        return next(named, "NVMLError").partition("_")[0]

    @staticmethod
    def _entered(answer: Any, argument: Any) -> Any:
        """What an argument chooses of it; the whole where no key is one."""
        if not isinstance(answer, Mapping):
            return answer
        if str(argument) in answer:
            return answer[str(argument)]
        keyed = bool(answer) and all(ARGUMENT.fullmatch(key) and ":" not in key for key in answer)
        same_sort = keyed and all(key.isdigit() == isinstance(argument, int) for key in answer)
        return "NVMLError_NotSupported" if same_sort and isinstance(argument, Device) else answer

    def _said(self, answer: Any) -> Any:
        if isinstance(answer, str) and ERROR.fullmatch(answer):
            raise self._error(answer)(answer)
        if answer == "OK":
            return None
        if isinstance(answer, Mapping):
            return Structure({key: self._said(value) for key, value in answer.items()})
        return [self._said(value) for value in answer] if isinstance(answer, list) else answer

    def _field(self, answer: Any, wanted: Any) -> Structure:
        number, scope = wanted if isinstance(wanted, list | tuple) else (wanted, 0)
        found = self._said(answer) if isinstance(answer, str) else answer
        if not isinstance(found, Mapping):
            raise DocumentError(f"capture: fields are an object of their answers, not {found!r}")
        said = found.get(f"{number}:{scope}", found.get(str(number), "NVMLError_NotSupported"))
        if isinstance(said, Mapping):  # with a return code of its own
            said = said.get("value", 0) if not said.get("nvmlReturn") else next(
                (f"NVMLError_{name}" for name, code in CODES.items() if code == said["nvmlReturn"]), "NVMLError_Unknown"
            )  # fmt: skip
        if isinstance(said, str):
            return Structure(fieldId=number, scopeId=scope, nvmlReturn=_code(said), valueType=WHOLE, value=Structure())
        sort = DOUBLE if isinstance(said, float) else SIGNED if said < 0 else WHOLE
        names = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
        value = Structure(dict.fromkeys(names, said))
        return Structure(fieldId=number, scopeId=scope, nvmlReturn=0, valueType=sort, value=value)


def _count(answer: Any) -> int:
    return len(answer) if isinstance(answer, list | Mapping) else int(answer)


def _code(name: str) -> int:
    return CODES.get(name.partition("_")[2], UNKNOWN)
