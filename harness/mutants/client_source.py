"""Mistakes in the client library: what would let a record or a key go astray in the application.

The probes of canaries run the real client against the real walls; what only the client's own tests
can see, such as an expired session, they must notice.
"""

from __future__ import annotations

from harness.mutants.edits import ClientEdits, Edit
from harness.mutants.model import CLIENT, Failing, Layer, Mutant, Notice

PACKAGE = "client/bulkhead"
DELIVERED = Notice("record-delivered", "caller")
# Asks without holding the lock under which the others would find what it got.
ONE_BY_ONE = (
    "        if self._issued is None:\n"
    "            return self._ask()\n"
    "        with self._one:\n"
    "            issued, now"
)


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
            "        self._logs = LogSession(config, base_session, ",
            "        fleet = ModelSession(config, base_session, endpoint_url=endpoint_url)"
            "._session\n"
            "        self._logs = LogSession(config, fleet, ",
        ),
        (Failing("test_canaries[", says="belong to the operations account"),),
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
                    '            self._start(_Call(self, "chat", run, metadata, tags), run_id)\n',
                    '            metadata = {**(metadata or {}), "said": str(messages)}\n'
                    '            self._start(_Call(self, "chat", run, metadata, tags), run_id)\n',
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
                    "        self._credentials = SessionCredentials(self._fleet.assume)\n",
                    "        own = SessionCredentials(self._fleet.assume)\n"
                    "        self._credentials = _KEPT.setdefault(config.region, own)\n",
                ),
                Edit(
                    f"{PACKAGE}/session.py",
                    "class ModelSession:\n",
                    "_KEPT: dict[str, SessionCredentials] = {}\n\n\nclass ModelSession:\n",
                ),
            )
        ),
        (Failing("test_canaries[", says="not authorized to perform: bedrock:InvokeModel"),),
        "test_canaries and {region}",
    ),
    _unit(
        "R02-client",
        "without its role the client calls models with the application's own credentials",
        _edit(
            "fleet",
            "        # Raised outside",
            "        return Issued(self._source.get_frozen_credentials(), 2.0**33)\n"
            "        # Raised outside",
        ),
        "test_no_role_no_model_call",
    ),
    _unit(
        "R16-client",
        "an expired session is never replaced",
        _edit(
            "credentials",
            "        if issued is None or now >= issued.expires - _MARGIN:\n",
            "        if issued is None:\n",
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
        "test_over_http_events_go_to_the_group_that_was_named",
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
        (Failing("test_canaries[", says="AssumeRoleError: cannot assume"),),
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
    _unit(
        "L02-changed",
        "only the first credentials that write records are looked at",
        _edit(
            "destination",
            "            account = self._accounts.get(key)\n            if account is None:\n"
            "                account = self._identify(credentials)\n",
            "            account = next(iter(self._accounts.values()), None)\n"
            "            if account is None:\n"
            "                account = self._identify(credentials)\n",
        ),
        "test_credentials_that_change_later_are_checked_again",
    ),
    _unit(
        "L02-swapped",
        "STS may be asked about other credentials than those that write records",
        _edit(
            "session",
            '    client.meta.events.register("before-send", Gate("sts", region, known).check)\n',
            "",
        ),
        "test_an_answer_about_another_key_is_not_taken",
    ),
    Mutant(
        "L18-client",
        "the client keeps prompts and answers beside the records",
        "logs",
        _edit(
            "facade",
            "self.content_writer = self._writer(config.content_log_group_name, ",
            "self.content_writer = self._writer(config.log_group_name, ",
        ),
        (Notice("content-delivered", "caller"), Notice("content-elsewhere", "caller")),
        "test_canaries and {region}",
        more_rows=("K03",),
    ),
    Mutant(
        "B08-client",
        "cached prompts bear no salt: customers share a cache",
        "Bedrock",
        _edit(
            "session",
            'events.register("before-parameter-build", self._salt.before_parameter_build)',
            "pass",
        ),
        (Notice("cached-prompt", "caller"),),
        "test_prompt_cache",
    ),
    _unit(
        "B08-guessable",
        "the salt of cached prompts is the customer's name, which others know",
        _edit("salt", "    key = config.external_id.reveal().encode()\n", '    key = b""\n'),
        "test_the_line_is_the_customers_and_keeps_the_secret",
        "Bedrock",
    ),
    _unit(
        "C05-client",
        "a model session may do all that the role may",
        _edit("fleet", "            Policy=self.policy,\n", ""),
        "test_a_stolen_session_calls_the_configured",
    ),
    _unit(
        "R16-stampede",
        "every thread that waits for a session asks STS for one",
        _edit("credentials", "        with self._one:\n            issued, now", ONE_BY_ONE),
        "test_fifty_threads_at_first_use_ask_once",
    ),
    _unit(
        "R01-answer",
        "the session of another role is used if STS answers with it",
        _edit(
            "fleet", '        if answer["AssumedRoleUser"]["Arn"] != wanted:\n', "        if 0:\n"
        ),
        "test_the_session_of_another_role_is_not_used",
    ),
    _unit(
        "R12-environment",
        "the environment says where prompts go",
        ClientEdits(
            (
                Edit(
                    f"{PACKAGE}/endpoints.py",
                    "        if given is None and self._configured(service):\n",
                    "        if 0:\n",
                ),
                Edit(
                    f"{PACKAGE}/session.py",
                    "        ignore_configured_endpoint_urls=True,\n",
                    "",
                ),
            )
        ),
        "test_an_address_in_the_environment_is_refused",
    ),
    _unit(
        "R12-client",
        "a request may leave for another address than the client's",
        _edit("endpoints", '        client.meta.events.register("before-send", look)\n', ""),
        "test_a_hook_that_rewrites_the_address_is_noticed",
    ),
    _unit(
        "R02-key",
        "whatever keys signed a model call, it is sent",
        _edit("session", '        events.register("before-send", gate.check)\n', ""),
        "test_a_request_of_another_key_or_region_or_without_signature_is_not_sent",
    ),
    _unit(
        "O12-client",
        "a tracer that the code attaches gets the prompts",
        _edit(
            "leaks",
            "        refuse_langchain(allow, [callbacks, model.callbacks], "
            "verbose=bool(model.verbose))\n",
            "        return\n",
        ),
        "test_a_tracer_in_code_is_refused_before_it_sees_the_prompt",
    ),
    _unit(
        "R04-prompts",
        "debug logs of botocore show prompts and answers",
        _edit("calls", '"debug-logs" in self._walls.allow else quiet_botocore()', "1 else 1"),
        "test_debug_logs_hold_no_prompt",
    ),
    _unit(
        "R03-client",
        "the error of a call that does not fit quotes it",
        _edit(
            "calls",
            "            raise InvalidRequestError(_without_values(operation, error)) from None\n",
            "            raise\n",
        ),
        "test_parameters_that_do_not_fit_are_not_quoted",
    ),
)
