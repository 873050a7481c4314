from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ArtifactRef(_message.Message):
    __slots__ = ("digest", "size_bytes")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    digest: str
    size_bytes: int
    def __init__(self, digest: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class ModelRef(_message.Message):
    __slots__ = ("name", "format", "precision", "artifact", "counts_json")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    COUNTS_JSON_FIELD_NUMBER: _ClassVar[int]
    name: str
    format: str
    precision: str
    artifact: ArtifactRef
    counts_json: str
    def __init__(self, name: _Optional[str] = ..., format: _Optional[str] = ..., precision: _Optional[str] = ..., artifact: _Optional[_Union[ArtifactRef, _Mapping]] = ..., counts_json: _Optional[str] = ...) -> None: ...

class RunSpec(_message.Message):
    __slots__ = ("cell_key", "model", "runtime", "threads", "batch", "scenario", "scenario_params_json", "profile", "seed", "baseline", "dataset", "dataset_name", "runtime_options_json", "shapes", "timeout_ms", "operators", "power_mode")
    class ShapesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CELL_KEY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_PARAMS_JSON_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    DATASET_NAME_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_OPTIONS_JSON_FIELD_NUMBER: _ClassVar[int]
    SHAPES_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    OPERATORS_FIELD_NUMBER: _ClassVar[int]
    POWER_MODE_FIELD_NUMBER: _ClassVar[int]
    cell_key: str
    model: ModelRef
    runtime: str
    threads: int
    batch: int
    scenario: str
    scenario_params_json: str
    profile: str
    seed: int
    baseline: ModelRef
    dataset: ArtifactRef
    dataset_name: str
    runtime_options_json: str
    shapes: _containers.ScalarMap[str, str]
    timeout_ms: int
    operators: bool
    power_mode: str
    def __init__(self, cell_key: _Optional[str] = ..., model: _Optional[_Union[ModelRef, _Mapping]] = ..., runtime: _Optional[str] = ..., threads: _Optional[int] = ..., batch: _Optional[int] = ..., scenario: _Optional[str] = ..., scenario_params_json: _Optional[str] = ..., profile: _Optional[str] = ..., seed: _Optional[int] = ..., baseline: _Optional[_Union[ModelRef, _Mapping]] = ..., dataset: _Optional[_Union[ArtifactRef, _Mapping]] = ..., dataset_name: _Optional[str] = ..., runtime_options_json: _Optional[str] = ..., shapes: _Optional[_Mapping[str, str]] = ..., timeout_ms: _Optional[int] = ..., operators: bool = ..., power_mode: _Optional[str] = ...) -> None: ...
