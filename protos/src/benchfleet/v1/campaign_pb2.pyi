from benchfleet.v1 import agent_pb2 as _agent_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CampaignState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CAMPAIGN_STATE_UNSPECIFIED: _ClassVar[CampaignState]
    CAMPAIGN_STATE_QUEUED: _ClassVar[CampaignState]
    CAMPAIGN_STATE_RUNNING: _ClassVar[CampaignState]
    CAMPAIGN_STATE_COMPLETED: _ClassVar[CampaignState]
    CAMPAIGN_STATE_COMPLETED_WITH_FAILURES: _ClassVar[CampaignState]
    CAMPAIGN_STATE_CANCELLED: _ClassVar[CampaignState]

class RunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATE_UNSPECIFIED: _ClassVar[RunState]
    RUN_STATE_QUEUED: _ClassVar[RunState]
    RUN_STATE_LEASED: _ClassVar[RunState]
    RUN_STATE_SUCCEEDED: _ClassVar[RunState]
    RUN_STATE_FAILED: _ClassVar[RunState]
    RUN_STATE_CANCELLED: _ClassVar[RunState]
    RUN_STATE_UNSCHEDULABLE: _ClassVar[RunState]
CAMPAIGN_STATE_UNSPECIFIED: CampaignState
CAMPAIGN_STATE_QUEUED: CampaignState
CAMPAIGN_STATE_RUNNING: CampaignState
CAMPAIGN_STATE_COMPLETED: CampaignState
CAMPAIGN_STATE_COMPLETED_WITH_FAILURES: CampaignState
CAMPAIGN_STATE_CANCELLED: CampaignState
RUN_STATE_UNSPECIFIED: RunState
RUN_STATE_QUEUED: RunState
RUN_STATE_LEASED: RunState
RUN_STATE_SUCCEEDED: RunState
RUN_STATE_FAILED: RunState
RUN_STATE_CANCELLED: RunState
RUN_STATE_UNSCHEDULABLE: RunState

class PlannedCell(_message.Message):
    __slots__ = ("cell_key", "model", "format", "device", "runtime", "threads", "batch", "scenario", "pruned_reason", "estimated_duration", "power_mode")
    CELL_KEY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    PRUNED_REASON_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_DURATION_FIELD_NUMBER: _ClassVar[int]
    POWER_MODE_FIELD_NUMBER: _ClassVar[int]
    cell_key: str
    model: str
    format: str
    device: str
    runtime: str
    threads: int
    batch: int
    scenario: str
    pruned_reason: str
    estimated_duration: _duration_pb2.Duration
    power_mode: str
    def __init__(self, cell_key: _Optional[str] = ..., model: _Optional[str] = ..., format: _Optional[str] = ..., device: _Optional[str] = ..., runtime: _Optional[str] = ..., threads: _Optional[int] = ..., batch: _Optional[int] = ..., scenario: _Optional[str] = ..., pruned_reason: _Optional[str] = ..., estimated_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., power_mode: _Optional[str] = ...) -> None: ...

class PlanCampaignRequest(_message.Message):
    __slots__ = ("document_yaml",)
    DOCUMENT_YAML_FIELD_NUMBER: _ClassVar[int]
    document_yaml: str
    def __init__(self, document_yaml: _Optional[str] = ...) -> None: ...

class PlanCampaignResponse(_message.Message):
    __slots__ = ("campaign_name", "cells", "estimated_duration", "baseline_cell_hint")
    CAMPAIGN_NAME_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_DURATION_FIELD_NUMBER: _ClassVar[int]
    BASELINE_CELL_HINT_FIELD_NUMBER: _ClassVar[int]
    campaign_name: str
    cells: _containers.RepeatedCompositeFieldContainer[PlannedCell]
    estimated_duration: _duration_pb2.Duration
    baseline_cell_hint: str
    def __init__(self, campaign_name: _Optional[str] = ..., cells: _Optional[_Iterable[_Union[PlannedCell, _Mapping]]] = ..., estimated_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., baseline_cell_hint: _Optional[str] = ...) -> None: ...

class CreateCampaignRequest(_message.Message):
    __slots__ = ("document_yaml", "idempotency_key")
    DOCUMENT_YAML_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    document_yaml: str
    idempotency_key: str
    def __init__(self, document_yaml: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class CreateCampaignResponse(_message.Message):
    __slots__ = ("campaign",)
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    campaign: Campaign
    def __init__(self, campaign: _Optional[_Union[Campaign, _Mapping]] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("id", "campaign_id", "cell", "state", "epoch", "attempts", "max_attempts", "reason", "phase", "fraction", "verdict", "detail")
    ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    id: str
    campaign_id: str
    cell: PlannedCell
    state: RunState
    epoch: int
    attempts: int
    max_attempts: int
    reason: str
    phase: _agent_pb2.Phase
    fraction: float
    verdict: str
    detail: str
    def __init__(self, id: _Optional[str] = ..., campaign_id: _Optional[str] = ..., cell: _Optional[_Union[PlannedCell, _Mapping]] = ..., state: _Optional[_Union[RunState, str]] = ..., epoch: _Optional[int] = ..., attempts: _Optional[int] = ..., max_attempts: _Optional[int] = ..., reason: _Optional[str] = ..., phase: _Optional[_Union[_agent_pb2.Phase, str]] = ..., fraction: _Optional[float] = ..., verdict: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Campaign(_message.Message):
    __slots__ = ("id", "name", "state", "create_time", "end_time", "document_yaml", "baseline_model", "run_counts", "created_by")
    class RunCountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_YAML_FIELD_NUMBER: _ClassVar[int]
    BASELINE_MODEL_FIELD_NUMBER: _ClassVar[int]
    RUN_COUNTS_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    state: CampaignState
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    document_yaml: str
    baseline_model: str
    run_counts: _containers.ScalarMap[str, int]
    created_by: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., state: _Optional[_Union[CampaignState, str]] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., document_yaml: _Optional[str] = ..., baseline_model: _Optional[str] = ..., run_counts: _Optional[_Mapping[str, int]] = ..., created_by: _Optional[str] = ...) -> None: ...

class ListCampaignsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCampaignsResponse(_message.Message):
    __slots__ = ("campaigns", "next_page_token")
    CAMPAIGNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    campaigns: _containers.RepeatedCompositeFieldContainer[Campaign]
    next_page_token: str
    def __init__(self, campaigns: _Optional[_Iterable[_Union[Campaign, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetCampaignRequest(_message.Message):
    __slots__ = ("campaign_id",)
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    def __init__(self, campaign_id: _Optional[str] = ...) -> None: ...

class GetCampaignResponse(_message.Message):
    __slots__ = ("campaign", "runs", "pruned")
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    PRUNED_FIELD_NUMBER: _ClassVar[int]
    campaign: Campaign
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    pruned: _containers.RepeatedCompositeFieldContainer[PlannedCell]
    def __init__(self, campaign: _Optional[_Union[Campaign, _Mapping]] = ..., runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., pruned: _Optional[_Iterable[_Union[PlannedCell, _Mapping]]] = ...) -> None: ...

class WatchCampaignRequest(_message.Message):
    __slots__ = ("campaign_id",)
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    def __init__(self, campaign_id: _Optional[str] = ...) -> None: ...

class WatchCampaignResponse(_message.Message):
    __slots__ = ("campaign", "runs")
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    campaign: Campaign
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    def __init__(self, campaign: _Optional[_Union[Campaign, _Mapping]] = ..., runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ...) -> None: ...

class ReplayRunRequest(_message.Message):
    __slots__ = ("run_id", "idempotency_key")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    idempotency_key: str
    def __init__(self, run_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("field", "before", "now")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    field: str
    before: str
    now: str
    def __init__(self, field: _Optional[str] = ..., before: _Optional[str] = ..., now: _Optional[str] = ...) -> None: ...

class ReplayRunResponse(_message.Message):
    __slots__ = ("campaign", "changes")
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    campaign: Campaign
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    def __init__(self, campaign: _Optional[_Union[Campaign, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ...) -> None: ...

class CancelCampaignRequest(_message.Message):
    __slots__ = ("campaign_id", "reason")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    reason: str
    def __init__(self, campaign_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelCampaignResponse(_message.Message):
    __slots__ = ("campaign",)
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    campaign: Campaign
    def __init__(self, campaign: _Optional[_Union[Campaign, _Mapping]] = ...) -> None: ...
