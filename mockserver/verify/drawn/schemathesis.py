"""The stage `generated`: patches that Schemathesis draws from the contract, each compared with a prediction.

Schemathesis finds the values, with its coverage and fuzzing phases; what must come of them, the model says. A positive
case is fitted to the profile first, so that it must succeed. A negative one gets a valid operation in front, so that a
document that is applied in part shows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import unquote

from mockserver.errors import UsageError
from mockserver.package import pip_install
from mockserver.verify.calls import Bench, Call, Key, Verdict
from mockserver.verify.contract import JSON_TYPES, MEDIA_TYPES, ROUTE, Contract, copied
from mockserver.verify.conversation import Conversation, hidden_as, ids_of, json_body, next_world, visible
from mockserver.verify.drawn.fitting import fitted
from mockserver.verify.events import CaseFinished
from mockserver.verify.model import PatchModel, Refused, Unpredictable

JSON_PATCH = "application/json-patch+json"
MARKER = {"op": "replace", "path": "/CustomerType", "value": "not to be seen"}
_SHRUNK = 5
_SHRINKING = 60


@dataclass(frozen=True, slots=True)
class Generated:
    """One case as Schemathesis made it: the operations, or whatever stands in their place."""

    number: int
    method: str
    key: Key
    body: Any
    positive: bool
    description: str


def require_schemathesis() -> None:
    """Raise UsageError if the generator is not installed, or is one that this stage does not know."""
    try:
        from schemathesis.generation.hypothesis.builder import create_test  # noqa: F401
    except ImportError as missing:
        raise UsageError(
            f"the stage 'generated' needs Schemathesis ({missing})",
            hint=f"{pip_install('schemathesis>=4.32')}, or do without: --stage rules --stage model",
        ) from missing


def generate(contract: Contract, key: Key, seed: int, max_examples: int, *, coverage: bool = True) -> list[Generated]:
    """Return the cases of a seed, always the same ones; `max_examples` bounds the random part.

    `coverage` is the part that goes through the contract systematically, two thousand cases.
    """
    require_schemathesis()
    import schemathesis
    from hypothesis import HealthCheck, settings
    from schemathesis.config import SchemathesisConfig
    from schemathesis.core.result import Ok
    from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test

    cases: list[Generated] = []

    def collect(case: Any) -> None:
        cases.append(_generated(len(cases) + 1, case))

    config = SchemathesisConfig.from_dict({"seed": seed, "phases": {"coverage": {"unexpected-methods": []}}})
    schema = schemathesis.openapi.from_dict(_trimmed(contract, key), config=config)
    quiet = settings(max_examples=max_examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    modes = [HypothesisTestMode.EXAMPLES, HypothesisTestMode.FUZZING]
    modes += [HypothesisTestMode.COVERAGE] if coverage else []
    for operation in (found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)):
        how = HypothesisTestConfig(
            project=schema.config, modes=modes, settings=quiet, seed=seed, apply_ci_profile=False
        )
        with _from_the_contract_alone():
            create_test(operation=operation, test_func=collect, config=how)()
    return cases


@contextmanager
def _from_the_contract_alone() -> Iterator[None]:
    """Keep Hypothesis from drawing constants of whatever modules this process has loaded: a seed would mean nothing."""
    from hypothesis.internal.conjecture import providers
    from hypothesis.internal.constants_ast import Constants

    own, nothing = providers._get_local_constants, Constants()
    providers.CONSTANTS_CACHE.cache.clear()
    providers._get_local_constants = lambda: nothing
    try:
        yield
    finally:
        providers._get_local_constants = own
        providers.CONSTANTS_CACHE.cache.clear()


def _trimmed(contract: Contract, key: Key) -> dict[str, Any]:
    """Return the PATCH with one JSON type, since each further one only repeats the same cases, and our ids."""
    document = copied(dict(contract.document))
    path = document["paths"][ROUTE]
    document["paths"] = {ROUTE: {name: path[name] for name in ("parameters", "patch")}}
    content = document["paths"][ROUTE]["patch"]["requestBody"]["content"]
    for media_type in [name for name in content if name != JSON_PATCH]:
        del content[media_type]
    for parameter, value in zip(("ClientId", "AlternateIdType", "AlternateId"), key, strict=True):
        document["components"]["parameters"][parameter]["example"] = value
    return document


def _generated(number: int, case: Any) -> Generated:
    names = ("clientId", "alternateIdType", "alternateId")
    client, kind, value = (unquote(str(case.path_parameters.get(name, ""))) for name in names)
    body = case.body if isinstance(case.body, (list, dict, str, int, float, bool, type(None))) else None
    description = getattr(case.meta.phase.data, "description", None) or case.meta.phase.name.value
    positive = case.meta.generation.mode.value == "positive"
    return Generated(number, case.method.upper(), (client, kind, value), body, positive, str(description))


class GeneratedRunner:
    """Sends generated cases, each into a namespace of its own."""

    def __init__(self, bench: Bench, contract: Contract, seed: int) -> None:
        self.bench = bench
        self.contract = contract
        self.seed = seed
        self.key = bench.profiles[0]
        self.model = PatchModel(contract, bench.dialect)
        self._start: dict[str, Any] = {}
        self._shrunk = 0

    def run(self, case: Generated) -> CaseFinished:
        """Send one case and say how it came out; never raises for what the target does."""
        started = monotonic()
        talk = self._talk()
        smallest: tuple[object, ...] | None = None
        with talk.to_its_end():
            if not self._start:
                self._start = {**talk.read(self.key), "ReasonCode": None}
            body = self._body(case)
            self._send(talk, case, body)
            if talk.problems and isinstance(body, list) and self._shrunk < _SHRUNK:
                self._shrunk += 1
                smallest = tuple(self._smallest(case, body))
        fine = Verdict.NOT_VERIFIABLE if talk.unasked else Verdict.HELD
        return CaseFinished(
            stage="generated",
            id=f"generated-{self.seed}-{case.number}",
            title=f"{'valid' if case.positive else 'not valid'}: {case.description}",
            verdict=Verdict.BROKEN if talk.problems else fine,
            problems=tuple(dict.fromkeys(talk.problems)) or (talk.unasked,) * bool(talk.unasked),
            seconds=monotonic() - started,
            exchanges=tuple(talk.exchanges) if talk.problems else (),
            smallest=smallest,
        )

    def _talk(self) -> Conversation:
        return Conversation(self.bench, self.contract, next_world("generated"))

    def _body(self, case: Generated) -> Any:
        """Return what is sent: fitted to the profile, or with a valid operation in front."""
        if not isinstance(case.body, list):
            return case.body
        if case.positive:
            return fitted(self.model, self._start, case.body, self.key)
        return [MARKER, *case.body]

    def _send(self, talk: Conversation, case: Generated, body: Any) -> None:
        content = json_body(body)
        number = zlib.crc32(content)
        accept = (None, "*/*", *MEDIA_TYPES)[number % 7]
        headers = (("Content-Type", JSON_TYPES[number // 7 % 3]), *((("Accept", accept),) if accept else ()))
        known = _folded(case.key) == _folded(self.key)
        key = self.key if known else case.key
        reply = talk.send(Call(case.method, key, headers, content, may_change=True))
        if case.method != "PATCH":
            _expect(talk, reply.status, (405,))
            return
        if not known:
            allowed = (404,) if _folded(key)[0] == _folded(self.key)[0] else (401, 404)
            # Nothing says which mistake is noticed first, that of the URL or that of the document.
            _expect(talk, reply.status, allowed if self._predict(body)[1] == 200 else (400, *allowed))
            return
        self._compare(talk, body, reply)

    def _compare(self, talk: Conversation, body: Any, reply: Any) -> None:
        expected, status = self._predict(body)
        before = visible(self._start)
        if status == reply.status == 200 and _folded(self.key)[1:] not in ids_of(expected):
            # The patch took away the id of the URL; rules show what that does.
            return
        # A patch that may or may not have been applied may have hidden the profile.
        found = talk.read(self.key, self._start["ProfileId"] if status is None else hidden_as(expected))
        if status is None:
            _expect(talk, reply.status, (200, 400) if self.bench.dialect != "library" else (200, 400, 500))
            if reply.status != 200:
                talk.compare("the profile after a refused patch", before, found)
            else:
                talk.compare_answer(found, reply)
            return
        _expect(talk, reply.status, (status,))
        wanted = talk.stamped(visible(expected), before, found, self.bench.account.user_id)
        if reply.status == status == 200:
            talk.compare_answer(wanted, reply)
        talk.compare("the profile afterwards", wanted, found)

    def _predict(self, body: Any) -> tuple[Mapping[str, Any], int | None]:
        if not isinstance(body, list):
            return self._start, 400
        try:
            return self.model.apply(self._start, body), 200
        except Refused as refusal:
            return self._start, refusal.status
        except Unpredictable:
            return self._start, None

    def _smallest(self, case: Generated, body: Sequence[Any]) -> list[Any]:
        """Leave out operations, and members of their values, for as long as the case still fails."""
        left = list(body)
        for _ in range(_SHRINKING):
            smaller = next((fewer for fewer in _smaller(left) if self._fails(case, fewer)), None)
            if smaller is None:
                break
            left = smaller
        return left

    def _fails(self, case: Generated, body: list[Any]) -> bool:
        talk = self._talk()
        with talk.to_its_end():
            self._send(talk, case, body)
        return bool(talk.problems)


def _smaller(operations: list[Any]) -> Iterator[list[Any]]:
    for index in range(len(operations)):
        if len(operations) > 1:
            yield operations[:index] + operations[index + 1 :]
    for index, operation in enumerate(operations):
        value = operation.get("value") if isinstance(operation, dict) else None
        if isinstance(value, list) and value:
            yield [*operations[:index], {**operation, "value": value[:-1]}, *operations[index + 1 :]]


def _expect(talk: Conversation, status: int, wanted: Sequence[int]) -> None:
    if status not in wanted:
        talk.problems.append(f"the answer was {status}, {' or '.join(map(str, wanted))} was expected")


def _folded(key: Key) -> tuple[str, ...]:
    return tuple(part.lower() for part in key)
