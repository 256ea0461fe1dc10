"""The routes under ``/_sandbox``: state, options, faults and people's actions, for other processes. Faults do not affect them."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body
from pydantic import ValidationError
from starlette.responses import JSONResponse

from include.sandbox.common import Refused

if TYPE_CHECKING:
    from include.sandbox.core import System


class Control:
    """The control routes of one system."""

    def __init__(self, system: "System") -> None:
        self.system = system
        self.router = APIRouter(prefix="/_sandbox", include_in_schema=False)
        for method, path, response in (
            ("GET", "/health", self.health),
            ("GET", "/state", self.state),
            ("GET", "/options", self.options),
            ("PUT", "/options", self.set_options),
            ("GET", "/faults", self.faults),
            ("PUT", "/faults", self.set_faults),
            ("POST", "/actions", self.act),
            ("POST", "/reset", self.reset),
        ):
            self.router.add_api_route(path, response, methods=[method], response_model=None)

    async def health(self) -> dict[str, str]:
        return {"system": self.system.name, "status": "ok"}

    async def state(self) -> dict[str, Any]:
        log = self.system.requests
        return {**self.system.counts(), "requests": len(log), "connections": log.connections}

    async def options(self) -> dict[str, Any]:
        return self.system.options.model_dump(mode="json")

    async def set_options(self, changes: Annotated[dict[str, Any], Body()]) -> JSONResponse:
        options = self.system.options
        try:
            # All or none: the new options are validated together before any is set.
            checked = type(options).model_validate({**options.model_dump(), **changes})
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 400)
        for name in changes:
            setattr(options, name, getattr(checked, name))
        return JSONResponse(options.model_dump(mode="json"))

    async def faults(self) -> list[dict[str, str]]:
        return [entry._asdict() for entry in self.system.faults.log]

    async def set_faults(self, order: Annotated[dict[str, Any], Body()]) -> JSONResponse:
        """``{"kind", "times", …}`` orders once, ``{"kinds", "rate", "seed", …}`` sets a rate, ``{}`` clears."""
        faults = self.system.faults
        try:
            if "kind" in order:
                faults.once(**order)
            elif order:
                faults.set(**order)
            else:
                faults.clear()
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"known": sorted(faults.kinds)})

    async def act(self, order: Annotated[dict[str, Any], Body()]) -> JSONResponse:
        """``{"action", …}``: what a person does, with the arguments of the method of that name."""
        action = self.system.actions().get(order.pop("action", ""))
        if action is None:
            return JSONResponse({"error": f"the actions are {sorted(self.system.actions())}"}, 400)
        try:
            done = action(**order)
        except Refused as refused:
            return JSONResponse({"error": refused.text}, refused.status)
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"made": getattr(done, "number", done)})

    async def reset(self) -> dict[str, Any]:
        self.system.reset()
        return self.system.counts()
