"""Mistakes in the client library: what would let a record or a key go astray in the application.

The probes of canaries run the real client against the real walls; what only the client's own tests
can see, such as an expired session, they must notice.
"""

from __future__ import annotations

from harness.mutants.edits import ClientEdits, Edit
from harness.mutants.model import CLIENT, Failing, Layer, Mutant, Notice

PACKAGE = "client/bulkhead"
DELIVERED = Notice("record-delivered", "caller")


def _edit(file: str, old: str, new: str) -> ClientEdits:
    return ClientEdits((Edit(f"{PACKAGE}/{file}.py", old, new),))


def _unit(
    identifier: str, title: str, how: ClientEdits, test: str, layer: Layer = "runtime"
) -> Mutant:
    """A mutant that a test of the client must notice."""
    return Mutant(identifier, title, layer, how, (Failing(test),), test, CLIENT)


CLIENT_SOURCE: tuple[Mutant, ...] = (
    Mutant(
        "L02-client",
        "the client writes its records with the credentials of the fleet role",
        "runtime",
        _edit(
            "facade",
            "        self._logs = LogSession(config, base_session, endpoint_url=endpoint_url)\n",
            "        fleet = ModelSession(config, base_session, endpoint_url=endpoint_url)"
            "._session\n"
            "        self._logs = LogSession(config, fleet, endpoint_url=endpoint_url)\n",
        ),
        (Failing("test_canaries"),),
        "test_canaries and {region}",
    ),
    _unit(
        "L02-unguarded",
        "the client does not ask whose account its records go to",
        _edit("destination", "        wanted = self.destination\n", "        return\n"),
        "test_another_accounts_credentials_are_refused_at_the_start",
    ),
    Mutant(
        "R07-client",
        "records bear the prompt",
        "runtime",
        ClientEdits(
            (
                Edit(
                    f"{PACKAGE}/handler.py",
                    '            self._start(_Call("chat", run, metadata, tags))\n',
                    '            metadata = {**(metadata or {}), "said": str(messages)}\n'
                    '            self._start(_Call("chat", run, metadata, tags))\n',
                ),
                Edit(
                    f"{PACKAGE}/handler.py",
                    '            "bulkhead.source": "langchain",\n',
                    '            "bulkhead.source": "langchain",\n'
                    '            "gen_ai.input.messages": metadata.get("said"),\n',
                ),
            )
        ),
        (Notice("prompt-at-rest", "caller"),),
        "test_canaries and {region}",
        more_rows=("L03",),
    ),
    Mutant(
        "R05-client",
        "the handler is attached to no model",
        "runtime",
        _edit(
            "session",
            '            options["callbacks"] = _with_handler(options.get("callbacks"), handler)\n',
            "            pass\n",
        ),
        (DELIVERED,),
        "test_canaries and {region}",
    ),
    Mutant(
        "R05-stream",
        "streamed calls leave no record",
        "runtime",
        _edit(
            "handler",
            "            self._end(call, SUCCESS, response)\n",
            "            if not type(response.generations[0][0]).__name__.endswith('Chunk'):\n"
            "                self._end(call, SUCCESS, response)\n",
        ),
        (DELIVERED,),
        "test_canaries and {region}",
    ),
    _unit(
        "R05-error",
        "calls that fail leave no record",
        _edit(
            "handler",
            '            self._end(call, status, kwargs.get("response"), facts_of_error(error))\n',
            "            return\n",
        ),
        "test_a_refused_call_is_recorded_without_its_text",
    ),
    Mutant(
        "R01-client",
        "all customers of a process share the session that was made first",
        "runtime",
        ClientEdits(
            (
                Edit(
                    f"{PACKAGE}/session.py",
                    "        _install(self._session, credentials)\n        pinned",
                    "        credentials = _KEPT.setdefault(config.region, credentials)\n"
                    "        _install(self._session, credentials)\n        pinned",
                ),
                Edit(
                    f"{PACKAGE}/session.py",
                    "_SESSION_SECONDS = 3600\n",
                    "_SESSION_SECONDS = 3600\n_KEPT: dict[str, Credentials] = {}\n",
                ),
            )
        ),
        (Failing("test_canaries"),),
        "test_canaries and {region}",
    ),
    _unit(
        "R02-client",
        "without its role the client calls models with the application's own credentials",
        _edit(
            "session",
            "        code = code_of(error)\n    # Raised",
            "        own = fetcher._source_credentials.get_frozen_credentials()\n"
            '        keys = {"access_key": own.access_key, "secret_key": own.secret_key}\n'
            '        return {**keys, "token": own.token, "expiry_time": "2999-01-01T00:00:00Z"}\n'
            "    # Raised",
        ),
        "test_no_role_no_model_call",
    ),
    _unit(
        "R16-client",
        "an expired session is never replaced",
        _edit(
            "session",
            "            refresh_using=lambda: _assume(fetcher, config), ",
            "            refresh_using=lambda kept=[]: "
            "(kept or kept.append(_assume(fetcher, config)) or kept)[0],\n            ",
        ),
        "test_an_expired_session_is_replaced",
    ),
    _unit(
        "R04-client",
        "debug logs show keys and external ids",
        _edit("_quiet", "not _secret_on_the_wire.get()", "True"),
        "test_debug_logs_hold_no_secret",
    ),
    _unit(
        "R07-secret",
        "the external id prints itself",
        _edit("_secret", "        return \"Secret('***')\"\n", "        return self._value\n"),
        "test_the_external_id_shows_nowhere",
    ),
    _unit(
        "R14-client",
        "records bear the text of errors, which may quote the prompt",
        _edit(
            "facts",
            '    facts: Facts = {"error.type": error_type(error)}\n',
            '    facts: Facts = {"error.type": error_type(error), "error.message": str(error)}\n',
        ),
        "test_a_refused_call_is_recorded_without_its_text",
    ),
    _unit(
        "R06-client",
        "batches may hold more events than CloudWatch Logs takes",
        _edit("batch", "MAX_BATCH_EVENTS = 10_000\n", "MAX_BATCH_EVENTS = 10_001\n"),
        "test_batch_boundaries_are_exact",
    ),
    _unit(
        "R11-client",
        "records go to a group of another name",
        _edit(
            "transport",
            "        self._group = log_group_name\n",
            '        self._group = f"{log_group_name}/{app}"\n',
        ),
        "test_invoke",
    ),
    _unit(
        "R15-client",
        "tokens that the cache wrote are not counted",
        _edit(
            "response",
            '        plain + five + hour,\n        {"5m": plain + five, "1h": hour},\n',
            "        plain,\n",
        ),
        "test_cache_writes_by_lifetime_are_summed",
    ),
    _unit(
        "P33-client",
        "a bearer token in the environment replaces the fleet role",
        _edit(
            "session",
            '        signature_version="v4",\n        auth_scheme_preference="sigv4",',
            "        #",
        ),
        "test_a_bearer_token_in_the_environment_is_ignored",
        "Bedrock",
    ),
    Mutant(
        "T42-client",
        "the client names its sessions after the application alone",
        "runtime",
        _edit(
            "config",
            '        return f"t-{self.account_id}-{self.app}"\n',
            "        return self.app\n",
        ),
        (Failing("test_canaries"),),
        "test_canaries and {region}",
    ),
    Mutant(
        "L31-client",
        "streams are named after what the application calls itself",
        "logs",
        _edit(
            "transport",
            '        name = f"bulkhead/{self._app}/{datetime.now(UTC):%Y/%m/%d}'
            '/{uuid.uuid4().hex}"\n',
            '        name = f"{self._app} {datetime.now(UTC):%Y}/{uuid.uuid4().hex}"\n',
        ),
        (Notice("stream-names"),),
        "(test_canaries and {region}) or test_streams_are_named",
    ),
)
