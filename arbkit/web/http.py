"""What every HTTP answer has in common: problem+json, refused parameters, policies, ETags."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast, get_args, get_origin

import orjson
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, JsonValue, ValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from arbkit.core.decisions.event import DecisionConflictError
from arbkit.core.errors import (
    ArbkitError,
    ConfigError,
    InputError,
    ServiceError,
    StoreError,
    StreamError,
    UsageError,
    did_you_mean,
    shown_value,
)
from arbkit.core.input.faults import cause_of, fault_words
from arbkit.core.input.filters import ALIASES
from arbkit.core.results import JsonObject, Problem
from arbkit.core.service import api_keys
from arbkit.core.settings import Settings
from arbkit.web.policies import NOTHING_ACTIVE, SECURITY_HEADERS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Asked = TypeVar("Asked", bound=BaseModel)
_SHOWN = 200
"""Characters of a refused value that are repeated to the caller."""

_KINDS: tuple[tuple[type[ArbkitError], tuple[int, str, str]], ...] = (
    (DecisionConflictError, (409, "conflict", "Decided by somebody else meanwhile")),
    (UsageError, (422, "invalid-input", "Invalid input")),
    (InputError, (422, "invalid-input", "Invalid input")),
    (ConfigError, (500, "configuration", "Wrong configuration")),
    (StoreError, (503, "store", "Store unavailable")),
    (StreamError, (503, "log", "Log unavailable")),
    (ServiceError, (503, "service", "Service unavailable")),
)


class InvalidInputError(UsageError):
    """Several things are wrong with a request at once: ``faults`` as :class:`~arbkit.core.results.Fault`."""

    def __init__(self, faults: Sequence[JsonObject]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault['field']}: {fault['why']}" for fault in faults))


class Policies:
    """ASGI middleware: every answer tells a browser what it may not do with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers of :mod:`arbkit.web.policies`; a page that has a policy of its own keeps it."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (*SECURITY_HEADERS.items(), ("Content-Security-Policy", NOTHING_ACTIVE)):
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


_PROBLEM_JSON = "application/problem+json"
_MEANINGS = {
    400: "The host name is not served here",
    401: "A key is missing, wrong, expired or revoked",
    403: "The key is not for this",
    404: "There is no such thing",
    405: "This address takes other methods; `Allow` names them",
    408: "The body came too slowly",
    409: "Nobody could do it as things stand; `detail` says why",
    413: "The body is too large",
    422: "Something is wrong with the request; `errors` names it",
    429: "Too many requests, or wrong keys; `Retry-After` says how many seconds to wait",
    500: "The configuration is wrong, or arbkit is at fault",
    503: "The store, the log or another service cannot be used",
}


ANY_ROUTE = (400, 401, 403, 405, 408, 413, 422, 429, 500)
"""Statuses of the problems that every address may answer with."""


_FLAT = ("query", "path", "header")
_WHOLE = ("query", "path", "header", "body")
_KEY = "key"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def scope_needed(method: str, path: str) -> api_keys.Scope:
    """What a key must let in to for a request: keys are made by admins, and only reading changes nothing."""
    if path == "/keys" or path.startswith("/keys/"):
        return "admin"
    return "read" if method in _READING else "write"


class ProblemAPI(FastAPI):
    """An application whose errors are problems, also in what it says of itself at ``/openapi.json``."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["securitySchemes"] = {_KEY: {"type": "http", "scheme": "bearer"}}
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    # What is read without a key on one address needs one on another, which OpenAPI cannot say.
                    if scope_needed(method.upper(), path) != "read":
                        operation["security"] = [{_KEY: []}]
                    for status, answer in operation["responses"].items():
                        if int(status) >= 400:
                            ((kind, schema),) = answer["content"].items()
                            is_problem = schema["schema"].get("$ref") == f"#/components/schemas/{Problem.__name__}"
                            answer["content"] = {_PROBLEM_JSON if is_problem else kind: schema}
        return super().openapi()


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route for errors with these statuses."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in statuses}


def problem(
    status: int,
    detail: str,
    *,
    kind: str | None = None,
    title: str | None = None,
    errors: Sequence[JsonObject] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An RFC 9457 answer. Without a ``kind`` the status says it all."""
    body: JsonObject = {
        "type": f"urn:arbkit:problem:{kind}" if kind else "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = [{**error, "value": _shown(error.get("value"))} for error in errors]
    return Response(orjson.dumps(body), status, headers, _PROBLEM_JSON)


def add_error_handlers(app: FastAPI) -> None:
    """Make every error of ``app`` a problem."""
    app.add_exception_handler(ArbkitError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)


def without_paths(settings: Settings, text: str) -> str:
    """``text`` with the folders of this machine named as its user knows them: callers need not know where they lie."""
    names = ((settings.home, "$ARBKIT_HOME"), (settings.shared, "$ARBKIT_SHARED"), (settings.folder, "."))
    for folder, name in names:
        if folder is None:
            continue
        for path in (folder.resolve(), folder.absolute()):
            if path.parent != path:
                text = re.sub(rf"{re.escape(str(path))}(?=[/\\]|$|[\s:;,.])", name, text)
    return text


def problem_of(settings: Settings, error: ArbkitError) -> Response:
    """The answer to an error of ours."""
    status, name, title = next(
        (meaning for kind, meaning in _KINDS if isinstance(error, kind)), (500, "fault", "Fault of arbkit")
    )
    errors: Sequence[JsonObject] = ()
    if status == 422:
        why = f"{error.why}. {error.remedy}" if error.remedy else error.why
        one: JsonObject = {"field": error.field or "request", "value": _shown(error.value), "why": why}
        errors = error.faults if isinstance(error, InvalidInputError) else [one]
    return problem(status, without_paths(settings, str(error)), kind=name, title=title, errors=errors)


def _on_ours(request: Request, error: Exception) -> Response:
    return problem_of(request.app.state.shared.settings, cast("ArbkitError", error))


def _on_invalid(request: Request, error: Exception) -> Response:
    by_field: dict[str, list[ErrorDetails]] = {}
    for fault in cast("RequestValidationError", error).errors():
        by_field.setdefault(_place(fault["loc"]), []).append(fault)
    faults = [_fault(request, field, found) for field, found in by_field.items()]
    return _on_ours(request, InvalidInputError(faults))


def _fault(request: Request, field: str, found: Sequence[ErrorDetails]) -> JsonObject:
    why, remedy = fault_words(found)
    value = None if found[0]["type"] == "missing" else found[0].get("input")
    if field in _WHOLE:
        # What all hold together is no value that anyone gave.
        cause = cause_of(found[0])
        field, value = (field, None) if cause is None or cause.field is None else (cause.field, cause.value)
    return {
        "field": _as_given(request, field), "value": _shown(value), "why": f"{why}. {remedy}" if remedy else why
    }  # fmt: skip


def _on_http(request: Request, error: Exception) -> Response:
    http = cast("HTTPException", error)
    headers = http.headers
    if http.status_code == 405 and (methods := _methods(request)):
        # The framework names the methods of one route; others of the same address may have more.
        headers = {**(headers or {}), "Allow": ", ".join(sorted(methods))}
    return problem(http.status_code, str(http.detail), headers=headers)


def _methods(request: Request) -> set[str]:
    """The methods that any route takes at the address of a request."""
    known: Mapping[tuple[str, str], object] = request.app.state.parameters
    matching = {path for path, _ in known if compile_path(path)[0].match(request.url.path)}
    return {method for path, method in known if path in matching}


def _on_fault(_: Request, error: Exception) -> Response:
    return problem(500, f"{type(error).__name__}; the log says more", kind="fault", title="Fault of arbkit")


def _place(location: Sequence[str | int]) -> str:
    """Where in a request: ``page``, ``asins[1]``, or ``body``."""
    inside = location[1:] if len(location) > 1 and isinstance(location[1], str) else location[:1]
    if location[0] in _FLAT:
        # What follows a name there is a kind that the value may be.
        inside = [inside[0], *(part for part in inside[1:] if isinstance(part, int))]
    first, *rest = inside
    return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)


def _as_given(request: Request, field: str) -> str:
    """The name by which the caller gave a field."""
    given = request.query_params
    return next((name for name in given if field not in given and ALIASES.get(name) == field), field)


def _shown(value: Any) -> Any:
    """A refused value as JSON can hold it, not longer than anyone wants to read."""
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    text = value if isinstance(value, str) else shown_value(value)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def note_parameters(app: FastAPI) -> None:
    """Remember which query parameters each endpoint declares, and whether one may come twice."""
    app.state.parameters = {
        (path, method.upper()): {
            p["name"]: _takes_several(p["schema"]) for p in operation.get("parameters", ()) if p["in"] == "query"
        }
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }


def _takes_several(schema: Mapping[str, Any]) -> bool:
    return any(kind.get("type") == "array" for kind in (schema, *schema.get("anyOf", ())))


async def refuse_unknown(request: Request) -> None:
    """A dependency: refuse query parameters that the endpoint does not declare, or that come twice and may not.

    Raises:
        InvalidInputError: names each of them, and the nearest right one.
    """
    known = request.app.state.parameters.get((request.scope["route"].path_format, request.method), {})
    faults: list[JsonObject] = []
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        canonical = name if name in known else ALIASES.get(name, name)
        if canonical not in known:
            remedy = did_you_mean(name, known, otherwise="It takes") if known else "It takes none"
            why = f"no such parameter. {remedy}"
            faults.append({"field": name, "value": value, "why": why})
        elif canonical in seen and not known[canonical]:
            faults.append({"field": name, "value": value, "why": "given more than once"})
        seen.add(canonical)
    if faults:
        raise InvalidInputError(faults)


def query_of(model: type[Asked]) -> Callable[[Request], Awaitable[Asked]]:
    """A dependency: the query of a request as this model; :func:`query_parameters` describes it.

    FastAPI's own takes each field apart by what it may hold, at each request: longer than a page takes to be found.

    Raises:
        RequestValidationError: names what is wrong with which parameter.
    """
    kinds = {name: get_args(field.annotation) for name, field in model.model_fields.items()}
    several = [name for name, some in kinds.items() if any(get_origin(kind) is tuple for kind in some)]

    async def parsed(request: Request) -> Asked:
        asked = request.query_params
        given = {**asked, **{name: asked.getlist(name) for name in several if name in asked}}
        try:
            return model.model_validate(given)
        except ValidationError as error:
            faults = error.errors(include_url=False)
            raise RequestValidationError([{**fault, "loc": ("query", *fault["loc"])} for fault in faults]) from None

    return parsed


def query_parameters(model: type[BaseModel]) -> dict[str, Any]:
    """The ``openapi_extra`` of an endpoint that takes the query of :func:`query_of`: as FastAPI describes it."""
    described = FastAPI()

    def endpoint(**_: object) -> None:
        """Only its parameters are wanted."""

    asked = inspect.Parameter("asked", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[model, Query()])
    endpoint.__signature__ = inspect.Signature([asked])  # type: ignore[attr-defined]
    described.add_api_route("/", endpoint)
    return {"parameters": described.openapi()["paths"]["/"]["get"]["parameters"]}


def json_answer(request: Request, body: JsonObject, *, identity: JsonValue = None) -> Response:
    """``body`` as JSON with an ETag; 304 if the caller has it already.

    ``identity`` stands for the body where that holds ages, which change without anything having happened.
    """
    data = orjson.dumps(body)
    stamp = data if identity is None else orjson.dumps([str(request.url), identity])
    tag = f'W/"{hashlib.blake2b(stamp, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    asked = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag.removeprefix("W/") in asked or asked == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type="application/json")
