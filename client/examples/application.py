"""A small application: asks a model three ways, through Bulkhead.

    python application.py --config app.json --profile orders --prompt "What is a bulkhead?"

The configuration document holds what Terraform's outputs say (see the README). Credentials are the
application's own: a profile here, the task or function role in production (leave --profile away).
Needs `bulkhead[langchain]`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from bulkhead import Bulkhead, BulkheadError

if TYPE_CHECKING:
    from langchain_aws import ChatBedrockConverse


def ask(chat: ChatBedrockConverse, prompt: str) -> str:
    """Ask and wait for the whole answer."""
    return chat.invoke(prompt).text


def ask_streaming(chat: ChatBedrockConverse, prompt: str) -> str:
    """Ask and take the answer piece by piece."""
    return "".join(chunk.text for chunk in chat.stream(prompt))


def ask_async(chat: ChatBedrockConverse, prompt: str) -> str:
    """Ask from a coroutine, twice at the same time."""

    async def both() -> str:
        answers = await asyncio.gather(chat.ainvoke(prompt), chat.ainvoke(prompt))
        return answers[0].text

    return asyncio.run(both())


WAYS: dict[str, Callable[[ChatBedrockConverse, str], str]] = {
    "sync": ask,
    "stream": ask_streaming,
    "async": ask_async,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the application. Exit code 0 only if every record reached the log group."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, help="configuration document (JSON file)")
    parser.add_argument("--profile", help="profile of the AWS configuration to run as")
    parser.add_argument("--model", help="model id; the first of the configuration unless given")
    parser.add_argument("--prompt", default="What is a bulkhead?")
    parser.add_argument("--way", choices=sorted(WAYS), action="append", help="repeatable; or all")
    given = parser.parse_args(arguments)

    try:
        # The three lines that adopt Bulkhead:
        with Bulkhead.from_config(given.config, boto3.Session(profile_name=given.profile)) as app:
            chat = app.chat(given.model or next(iter(app.config.inference_profiles)))
            for way in given.way or WAYS:
                print(f"{way}: {WAYS[way](chat, given.prompt)}")
    except (BulkheadError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1

    stats = app.stats
    print(f"records: {stats.delivered} of {stats.offered} delivered")
    return 0 if stats.delivered == stats.offered else 1


if __name__ == "__main__":
    sys.exit(main())
