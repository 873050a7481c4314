from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Runtime(_message.Message):
    __slots__ = ("name", "available", "version", "reason", "formats", "providers", "interpreter", "options")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FORMATS_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    INTERPRETER_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    available: bool
    version: str
    reason: str
    formats: _containers.RepeatedScalarFieldContainer[str]
    providers: _containers.RepeatedScalarFieldContainer[str]
    interpreter: str
    options: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., available: bool = ..., version: _Optional[str] = ..., reason: _Optional[str] = ..., formats: _Optional[_Iterable[str]] = ..., providers: _Optional[_Iterable[str]] = ..., interpreter: _Optional[str] = ..., options: _Optional[_Iterable[str]] = ...) -> None: ...

class Accelerator(_message.Message):
    __slots__ = ("name", "family", "kind", "bus", "state", "driver", "library", "firmware", "detail")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BUS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DRIVER_FIELD_NUMBER: _ClassVar[int]
    LIBRARY_FIELD_NUMBER: _ClassVar[int]
    FIRMWARE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    name: str
    family: str
    kind: str
    bus: str
    state: str
    driver: str
    library: str
    firmware: str
    detail: str
    def __init__(self, name: _Optional[str] = ..., family: _Optional[str] = ..., kind: _Optional[str] = ..., bus: _Optional[str] = ..., state: _Optional[str] = ..., driver: _Optional[str] = ..., library: _Optional[str] = ..., firmware: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class SensorInfo(_message.Message):
    __slots__ = ("id", "kind", "scope")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    scope: str
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., scope: _Optional[str] = ...) -> None: ...

class PowerMode(_message.Message):
    __slots__ = ("mechanism", "name", "id")
    MECHANISM_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    mechanism: str
    name: str
    id: str
    def __init__(self, mechanism: _Optional[str] = ..., name: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class Inventory(_message.Message):
    __slots__ = ("hostname", "board", "os", "kernel", "arch", "cpu_model", "cpu_count", "memory_bytes", "python", "agent_version", "runtimes", "labels", "boot_id", "simulated", "facts", "accelerators", "sensors", "scenarios", "tasks", "power_modes", "power_modes_allowed")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class FactsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    BOARD_FIELD_NUMBER: _ClassVar[int]
    OS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_FIELD_NUMBER: _ClassVar[int]
    ARCH_FIELD_NUMBER: _ClassVar[int]
    CPU_MODEL_FIELD_NUMBER: _ClassVar[int]
    CPU_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    RUNTIMES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    SIMULATED_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    ACCELERATORS_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    SCENARIOS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    POWER_MODES_FIELD_NUMBER: _ClassVar[int]
    POWER_MODES_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    hostname: str
    board: str
    os: str
    kernel: str
    arch: str
    cpu_model: str
    cpu_count: int
    memory_bytes: int
    python: str
    agent_version: str
    runtimes: _containers.RepeatedCompositeFieldContainer[Runtime]
    labels: _containers.ScalarMap[str, str]
    boot_id: str
    simulated: bool
    facts: _containers.ScalarMap[str, str]
    accelerators: _containers.RepeatedCompositeFieldContainer[Accelerator]
    sensors: _containers.RepeatedCompositeFieldContainer[SensorInfo]
    scenarios: _containers.RepeatedScalarFieldContainer[str]
    tasks: _containers.RepeatedScalarFieldContainer[str]
    power_modes: _containers.RepeatedCompositeFieldContainer[PowerMode]
    power_modes_allowed: bool
    def __init__(self, hostname: _Optional[str] = ..., board: _Optional[str] = ..., os: _Optional[str] = ..., kernel: _Optional[str] = ..., arch: _Optional[str] = ..., cpu_model: _Optional[str] = ..., cpu_count: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., python: _Optional[str] = ..., agent_version: _Optional[str] = ..., runtimes: _Optional[_Iterable[_Union[Runtime, _Mapping]]] = ..., labels: _Optional[_Mapping[str, str]] = ..., boot_id: _Optional[str] = ..., simulated: bool = ..., facts: _Optional[_Mapping[str, str]] = ..., accelerators: _Optional[_Iterable[_Union[Accelerator, _Mapping]]] = ..., sensors: _Optional[_Iterable[_Union[SensorInfo, _Mapping]]] = ..., scenarios: _Optional[_Iterable[str]] = ..., tasks: _Optional[_Iterable[str]] = ..., power_modes: _Optional[_Iterable[_Union[PowerMode, _Mapping]]] = ..., power_modes_allowed: bool = ...) -> None: ...
