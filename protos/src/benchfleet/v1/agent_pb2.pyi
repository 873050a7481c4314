from benchfleet.v1 import device_pb2 as _device_pb2
from benchfleet.v1 import run_pb2 as _run_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PHASE_UNSPECIFIED: _ClassVar[Phase]
    PHASE_ACCEPTED: _ClassVar[Phase]
    PHASE_PREPARING: _ClassVar[Phase]
    PHASE_SETTLING: _ClassVar[Phase]
    PHASE_WARMING: _ClassVar[Phase]
    PHASE_MEASURING: _ClassVar[Phase]
    PHASE_SPOOLED: _ClassVar[Phase]
    PHASE_STOPPED: _ClassVar[Phase]

class Disposition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISPOSITION_UNSPECIFIED: _ClassVar[Disposition]
    DISPOSITION_ACCEPTED: _ClassVar[Disposition]
    DISPOSITION_SUPERSEDED: _ClassVar[Disposition]
PHASE_UNSPECIFIED: Phase
PHASE_ACCEPTED: Phase
PHASE_PREPARING: Phase
PHASE_SETTLING: Phase
PHASE_WARMING: Phase
PHASE_MEASURING: Phase
PHASE_SPOOLED: Phase
PHASE_STOPPED: Phase
DISPOSITION_UNSPECIFIED: Disposition
DISPOSITION_ACCEPTED: Disposition
DISPOSITION_SUPERSEDED: Disposition

class AttemptRef(_message.Message):
    __slots__ = ("run_id", "epoch")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    epoch: int
    def __init__(self, run_id: _Optional[str] = ..., epoch: _Optional[int] = ...) -> None: ...

class SessionRequest(_message.Message):
    __slots__ = ("hello", "heartbeat", "telemetry", "progress", "bye")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    BYE_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    heartbeat: Heartbeat
    telemetry: TelemetryBatch
    progress: Progress
    bye: Bye
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., telemetry: _Optional[_Union[TelemetryBatch, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., bye: _Optional[_Union[Bye, _Mapping]] = ...) -> None: ...

class SessionResponse(_message.Message):
    __slots__ = ("welcome", "assign", "cancel", "go_away", "ack")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ASSIGN_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    GO_AWAY_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    assign: Assign
    cancel: Cancel
    go_away: GoAway
    ack: Ack
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., assign: _Optional[_Union[Assign, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., go_away: _Optional[_Union[GoAway, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol_version", "agent_version", "incarnation", "instance_id", "inventory", "active", "spooled", "device_time", "block_max")
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    SPOOLED_FIELD_NUMBER: _ClassVar[int]
    DEVICE_TIME_FIELD_NUMBER: _ClassVar[int]
    BLOCK_MAX_FIELD_NUMBER: _ClassVar[int]
    protocol_version: int
    agent_version: str
    incarnation: int
    instance_id: str
    inventory: _device_pb2.Inventory
    active: _containers.RepeatedCompositeFieldContainer[AttemptRef]
    spooled: _containers.RepeatedCompositeFieldContainer[AttemptRef]
    device_time: _timestamp_pb2.Timestamp
    block_max: int
    def __init__(self, protocol_version: _Optional[int] = ..., agent_version: _Optional[str] = ..., incarnation: _Optional[int] = ..., instance_id: _Optional[str] = ..., inventory: _Optional[_Union[_device_pb2.Inventory, _Mapping]] = ..., active: _Optional[_Iterable[_Union[AttemptRef, _Mapping]]] = ..., spooled: _Optional[_Iterable[_Union[AttemptRef, _Mapping]]] = ..., device_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., block_max: _Optional[int] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("seq", "active", "device_time", "gauges")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_TIME_FIELD_NUMBER: _ClassVar[int]
    GAUGES_FIELD_NUMBER: _ClassVar[int]
    seq: int
    active: _containers.RepeatedCompositeFieldContainer[AttemptRef]
    device_time: _timestamp_pb2.Timestamp
    gauges: _containers.RepeatedCompositeFieldContainer[GaugeReading]
    def __init__(self, seq: _Optional[int] = ..., active: _Optional[_Iterable[_Union[AttemptRef, _Mapping]]] = ..., device_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., gauges: _Optional[_Iterable[_Union[GaugeReading, _Mapping]]] = ...) -> None: ...

class GaugeReading(_message.Message):
    __slots__ = ("sensor", "kind", "scope", "value", "quality")
    SENSOR_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    sensor: str
    kind: str
    scope: str
    value: float
    quality: str
    def __init__(self, sensor: _Optional[str] = ..., kind: _Optional[str] = ..., scope: _Optional[str] = ..., value: _Optional[float] = ..., quality: _Optional[str] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("series_id", "values_f32_le", "last", "min", "max", "sum", "base")
    SERIES_ID_FIELD_NUMBER: _ClassVar[int]
    VALUES_F32_LE_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    SUM_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    series_id: int
    values_f32_le: bytes
    last: float
    min: float
    max: float
    sum: float
    base: float
    def __init__(self, series_id: _Optional[int] = ..., values_f32_le: _Optional[bytes] = ..., last: _Optional[float] = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., sum: _Optional[float] = ..., base: _Optional[float] = ...) -> None: ...

class SeriesDefinition(_message.Message):
    __slots__ = ("series_id", "sensor", "kind", "scope")
    SERIES_ID_FIELD_NUMBER: _ClassVar[int]
    SENSOR_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    series_id: int
    sensor: str
    kind: str
    scope: str
    def __init__(self, series_id: _Optional[int] = ..., sensor: _Optional[str] = ..., kind: _Optional[str] = ..., scope: _Optional[str] = ...) -> None: ...

class TelemetryBatch(_message.Message):
    __slots__ = ("attempt", "seq", "start_time", "offset_us", "definitions", "columns", "dropped_samples")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    OFFSET_US_FIELD_NUMBER: _ClassVar[int]
    DEFINITIONS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptRef
    seq: int
    start_time: _timestamp_pb2.Timestamp
    offset_us: _containers.RepeatedScalarFieldContainer[int]
    definitions: _containers.RepeatedCompositeFieldContainer[SeriesDefinition]
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    dropped_samples: int
    def __init__(self, attempt: _Optional[_Union[AttemptRef, _Mapping]] = ..., seq: _Optional[int] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., offset_us: _Optional[_Iterable[int]] = ..., definitions: _Optional[_Iterable[_Union[SeriesDefinition, _Mapping]]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., dropped_samples: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("attempt", "phase", "fraction", "note")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptRef
    phase: Phase
    fraction: float
    note: str
    def __init__(self, attempt: _Optional[_Union[AttemptRef, _Mapping]] = ..., phase: _Optional[_Union[Phase, str]] = ..., fraction: _Optional[float] = ..., note: _Optional[str] = ...) -> None: ...

class Bye(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("protocol_version", "controller_version", "heartbeat_interval_ms", "lease_ttl_ms", "telemetry_interval_ms", "controller_time")
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_VERSION_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    LEASE_TTL_MS_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_TIME_FIELD_NUMBER: _ClassVar[int]
    protocol_version: int
    controller_version: str
    heartbeat_interval_ms: int
    lease_ttl_ms: int
    telemetry_interval_ms: int
    controller_time: _timestamp_pb2.Timestamp
    def __init__(self, protocol_version: _Optional[int] = ..., controller_version: _Optional[str] = ..., heartbeat_interval_ms: _Optional[int] = ..., lease_ttl_ms: _Optional[int] = ..., telemetry_interval_ms: _Optional[int] = ..., controller_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Assign(_message.Message):
    __slots__ = ("attempt", "campaign_id", "campaign_name", "spec", "companions")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    COMPANIONS_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptRef
    campaign_id: str
    campaign_name: str
    spec: _run_pb2.RunSpec
    companions: _containers.RepeatedCompositeFieldContainer[Companion]
    def __init__(self, attempt: _Optional[_Union[AttemptRef, _Mapping]] = ..., campaign_id: _Optional[str] = ..., campaign_name: _Optional[str] = ..., spec: _Optional[_Union[_run_pb2.RunSpec, _Mapping]] = ..., companions: _Optional[_Iterable[_Union[Companion, _Mapping]]] = ...) -> None: ...

class Companion(_message.Message):
    __slots__ = ("attempt", "spec")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptRef
    spec: _run_pb2.RunSpec
    def __init__(self, attempt: _Optional[_Union[AttemptRef, _Mapping]] = ..., spec: _Optional[_Union[_run_pb2.RunSpec, _Mapping]] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("attempt", "reason")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptRef
    reason: str
    def __init__(self, attempt: _Optional[_Union[AttemptRef, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class GoAway(_message.Message):
    __slots__ = ("reason", "detail", "retry_after_ms", "final")
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    reason: str
    detail: str
    retry_after_ms: int
    final: bool
    def __init__(self, reason: _Optional[str] = ..., detail: _Optional[str] = ..., retry_after_ms: _Optional[int] = ..., final: bool = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("heartbeat_seq",)
    HEARTBEAT_SEQ_FIELD_NUMBER: _ClassVar[int]
    heartbeat_seq: int
    def __init__(self, heartbeat_seq: _Optional[int] = ...) -> None: ...

class ReportResultRequest(_message.Message):
    __slots__ = ("attempt", "result_json", "result_digest", "series_digest", "incarnation", "outcome", "failure_reason")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    RESULT_JSON_FIELD_NUMBER: _ClassVar[int]
    RESULT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SERIES_DIGEST_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptRef
    result_json: bytes
    result_digest: str
    series_digest: str
    incarnation: int
    outcome: str
    failure_reason: str
    def __init__(self, attempt: _Optional[_Union[AttemptRef, _Mapping]] = ..., result_json: _Optional[bytes] = ..., result_digest: _Optional[str] = ..., series_digest: _Optional[str] = ..., incarnation: _Optional[int] = ..., outcome: _Optional[str] = ..., failure_reason: _Optional[str] = ...) -> None: ...

class ReportResultResponse(_message.Message):
    __slots__ = ("disposition",)
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    disposition: Disposition
    def __init__(self, disposition: _Optional[_Union[Disposition, str]] = ...) -> None: ...

class UploadSeriesRequest(_message.Message):
    __slots__ = ("digest", "size_bytes", "offset", "data")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    digest: str
    size_bytes: int
    offset: int
    data: bytes
    def __init__(self, digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., offset: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class UploadSeriesResponse(_message.Message):
    __slots__ = ("committed_bytes",)
    COMMITTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    committed_bytes: int
    def __init__(self, committed_bytes: _Optional[int] = ...) -> None: ...

class FetchArtifactRequest(_message.Message):
    __slots__ = ("digest", "offset")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    digest: str
    offset: int
    def __init__(self, digest: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class FetchArtifactResponse(_message.Message):
    __slots__ = ("offset", "size_bytes", "data")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    offset: int
    size_bytes: int
    data: bytes
    def __init__(self, offset: _Optional[int] = ..., size_bytes: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...
