"""The routes under ``/_sandbox``: look at a system and turn its knobs from another process. Faults never touch them."""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Body
from pydantic import ValidationError
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from include.sandbox.core import System


def control_routes(system: "System") -> APIRouter:
    """Make the control routes of one system."""
    router = APIRouter(prefix="/_sandbox")

    @router.get("/health")
    async def health() -> dict[str, str]:
        return {"system": system.name, "status": "ok"}

    @router.get("/state")
    async def state() -> dict[str, Any]:
        log = system.requests
        return {**system.counts(), "requests": len(log), "connections": log.connections}

    @router.get("/options")
    async def options() -> dict[str, Any]:
        return system.options.model_dump(mode="json")

    @router.put("/options")
    async def set_options(changes: dict[str, Any] = Body()) -> JSONResponse:  # noqa: B008 - FastAPI's way
        try:
            # All of them or none: the changed whole is checked before anything is set.
            checked = type(system.options).model_validate({**system.options.model_dump(), **changes})
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 400)
        for name in changes:
            setattr(system.options, name, getattr(checked, name))
        return JSONResponse(system.options.model_dump(mode="json"))

    @router.put("/faults")
    async def set_faults(order: dict[str, Any] = Body()) -> JSONResponse:  # noqa: B008 - FastAPI's way
        """``{"kind", "times", …}`` orders once, ``{"kinds", "rate", "seed", …}`` sets a rate, ``{}`` clears."""
        try:
            if "kind" in order:
                system.faults.once(**order)
            elif order:
                system.faults.set(**order)
            else:
                system.faults.clear()
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"known": sorted(system.faults.kinds)})

    @router.get("/faults")
    async def faults() -> list[dict[str, str]]:
        return [entry._asdict() for entry in system.faults.log]

    @router.post("/reset")
    async def reset() -> dict[str, Any]:
        system.reset()
        return system.counts()

    return router
