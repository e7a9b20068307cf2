"""A small application: asks a model through LangChain and through boto3, and each call is recorded.

    python application.py --config ssm:/bulkhead/acme/client/eu-central-1 --app example

The configuration is what Terraform's output `configuration` says: `ssm:` and the parameter that it
wrote. Credentials are the application's own: a profile here (--profile), the task or function role
in production. Needs `bulkhead[langchain]`; async_application.py is the twin for asyncio.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from bulkhead import Bulkhead, BulkheadError

# Bedrock reserves so many tokens of the quota for a call; where the customer has limits of its own,
# a call without is refused.
MAX_TOKENS = 256


def ask(app: Bulkhead, model: str, prompt: str) -> str:
    """Ask with LangChain and wait for the whole answer."""
    return app.chat(model, max_tokens=MAX_TOKENS).invoke(prompt).text


def ask_streaming(app: Bulkhead, model: str, prompt: str) -> str:
    """Ask with LangChain and take the answer piece by piece."""
    return "".join(chunk.text for chunk in app.chat(model, max_tokens=MAX_TOKENS).stream(prompt))


def ask_boto3(app: Bulkhead, model: str, prompt: str) -> str:
    """Ask with a plain boto3 client; the calls are recorded in the same way."""
    answer = app.runtime.converse(
        modelId=app.inference_profile(model),
        messages=[{"role": "user", "content": [{"text": prompt}]}],
        inferenceConfig={"maxTokens": MAX_TOKENS},
    )
    return "".join(block.get("text", "") for block in answer["output"]["message"]["content"])


WAYS: dict[str, Callable[[Bulkhead, str, str], str]] = {
    "invoke": ask,
    "stream": ask_streaming,
    "boto3": ask_boto3,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the application. Exit code 0 only if every record reached the log group."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, help="`ssm:` and a parameter, or a JSON file")
    parser.add_argument("--app", help="name of the application, unless the document has one")
    parser.add_argument("--endpoint-url", help="address of AWS, where it is not AWS's own")
    parser.add_argument("--profile", help="profile of the AWS configuration to run as")
    parser.add_argument("--model", help="model id; the first of the configuration unless given")
    parser.add_argument("--prompt", default="What is a bulkhead?")
    parser.add_argument("--way", choices=sorted(WAYS), action="append", help="repeatable; or all")
    given = parser.parse_args(arguments)

    try:
        session = boto3.Session(profile_name=given.profile)
        with Bulkhead.from_config(
            given.config, session, app=given.app, endpoint_url=given.endpoint_url
        ) as app:
            model = given.model or next(iter(app.config.inference_profiles))
            for way in given.way or WAYS:
                print(f"{way}: {WAYS[way](app, model, given.prompt)}")
    except (BulkheadError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1

    stats = app.stats
    print(f"records: {stats.delivered} of {stats.offered} delivered")
    return 0 if stats.delivered == stats.offered else 1


if __name__ == "__main__":
    sys.exit(main())
