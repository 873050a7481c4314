"""ArtifactService: bytes by digest, and the models and data sets that name them.

Models are data: ONNX or TFLite by their first bytes, nothing else is taken, and the controller parses neither. What a
file is about, whoever pushed it says (`facts_json`), within bounds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from grpc.aio import ServicerContext

from benchfleet.controller.auth import peer
from benchfleet.controller.blobs import BlobStore
from benchfleet.controller.servicers.artifact_names import Registry
from benchfleet.core.errors import DocumentError, NotFoundError
from benchfleet.v1 import artifact_pb2 as pb
from benchfleet.v1 import run_pb2
from benchfleet.v1.artifact_pb2_grpc import ArtifactServiceServicer

DOWNLOADS_MAX = 8
"""At once; more wait. Each keeps a file open and a chunk in memory."""


class ArtifactServicer(ArtifactServiceServicer):
    """Answers operators. Errors of ours that leave a method become a status in the interceptor."""

    def __init__(self, blobs: BlobStore, registry: Registry) -> None:
        self._blobs, self._registry = blobs, registry
        self._downloads = asyncio.Semaphore(DOWNLOADS_MAX)

    async def Upload(
        self, request_iterator: AsyncIterator[pb.UploadRequest], context: ServicerContext[Any, Any]
    ) -> pb.UploadResponse:
        """Answers once the bytes are committed; a cut leaves what came for the next call to go on from."""
        first = await anext(aiter(request_iterator), None)
        if first is None:
            raise DocumentError("upload: no message came")
        reference = run_pb2.ArtifactRef(digest=first.digest, size_bytes=first.size_bytes)
        if await asyncio.to_thread(self._blobs.size_of, first.digest) is not None:
            return pb.UploadResponse(artifact=reference)
        stage = await asyncio.to_thread(self._blobs.begin, first.digest, first.size_bytes)
        try:
            await asyncio.to_thread(stage.append, first.offset, first.data)
            async for request in request_iterator:
                await asyncio.to_thread(stage.append, request.offset, request.data)
            await asyncio.to_thread(stage.commit)
        finally:
            stage.close()
        return pb.UploadResponse(artifact=reference)

    async def GetUpload(self, request: pb.GetUploadRequest, context: ServicerContext[Any, Any]) -> pb.GetUploadResponse:
        """What is held of an upload, committed or not."""
        held_bytes, complete = await asyncio.to_thread(self._blobs.held, request.digest)
        return pb.GetUploadResponse(held_bytes=held_bytes, complete=complete)

    async def Download(
        self, request: pb.DownloadRequest, context: ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.DownloadResponse]:
        """Chunks from the offset on."""
        size_bytes = await asyncio.to_thread(self._blobs.size_of, request.digest)
        if size_bytes is None:
            raise NotFoundError(f"artifact {request.digest[:12]}: not here; push it first")
        async with self._downloads:
            chunks, offset = self._blobs.chunks(request.digest, request.offset), request.offset
            while chunk := await asyncio.to_thread(next, chunks, b""):
                yield pb.DownloadResponse(offset=offset, size_bytes=size_bytes, data=chunk)
                offset += len(chunk)

    async def RegisterModel(
        self, request: pb.RegisterModelRequest, context: ServicerContext[Any, Any]
    ) -> pb.RegisterModelResponse:
        """Names a committed file as one format of a model."""
        return pb.RegisterModelResponse(model=await self._registry.add_model(request, peer(context).uri))

    async def ListModels(
        self, request: pb.ListModelsRequest, context: ServicerContext[Any, Any]
    ) -> pb.ListModelsResponse:
        """A page of models by name."""
        models, token = await self._registry.models(request.page_size, request.page_token)
        return pb.ListModelsResponse(models=models, next_page_token=token)

    async def RegisterDataset(
        self, request: pb.RegisterDatasetRequest, context: ServicerContext[Any, Any]
    ) -> pb.RegisterDatasetResponse:
        """Names a committed file as a data set."""
        return pb.RegisterDatasetResponse(dataset=await self._registry.add_dataset(request.dataset, peer(context).uri))

    async def ListDatasets(
        self, request: pb.ListDatasetsRequest, context: ServicerContext[Any, Any]
    ) -> pb.ListDatasetsResponse:
        """A page of data sets by name."""
        datasets, token = await self._registry.datasets(request.page_size, request.page_token)
        return pb.ListDatasetsResponse(datasets=datasets, next_page_token=token)
