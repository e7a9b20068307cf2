"""A small asyncio application: asks several questions at a time, with a deadline for each.

    python async_application.py --config ssm:/bulkhead/acme/client/eu-central-1 --app example \\
        "What is a bulkhead?" "And a hull?"

A question whose deadline passes is given up; LangChain reports no end for it, and Bedrock bills it
all the same: its record says so (`cancelled`). Needs `bulkhead[langchain]`.
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


async def ask(chat: ChatBedrockConverse, question: str, seconds: float) -> str:
    """Ask one question; say so where the answer takes too long."""
    try:
        async with asyncio.timeout(seconds):
            return (await chat.ainvoke(question)).text
    except TimeoutError:
        return "(too late)"


async def ask_all(chat: ChatBedrockConverse, questions: Sequence[str], seconds: float) -> list[str]:
    """Ask all at the same time, then have a summary streamed."""
    answers = await asyncio.gather(*(ask(chat, each, seconds) for each in questions))
    summary = [chunk.text async for chunk in chat.astream("Sum up: " + "; ".join(answers))]
    return [*answers, "".join(summary)]


async def run(connect: Callable[[], Bulkhead], questions: Sequence[str], seconds: float) -> int:
    """Run the application; the number of records that did not reach the log group."""
    # Made before the loop has work: it reads its configuration and asks whose credentials it has.
    app = await asyncio.to_thread(connect)
    try:
        chat = app.chat(next(iter(app.config.inference_profiles)), max_tokens=256)
        answers = await ask_all(chat, questions, seconds)
        for question, answer in zip([*questions, "summary"], answers, strict=True):
            print(f"{question}: {answer}")
    finally:
        # Waits for the network: not on the event loop.
        await asyncio.to_thread(app.close)
    print(f"records: {app.stats.delivered} of {app.stats.offered} delivered")
    return app.stats.offered - app.stats.delivered


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line. Exit code 0 only if every record reached the log group."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, help="`ssm:` and a parameter, or a JSON file")
    parser.add_argument("--app", help="name of the application, unless the document has one")
    parser.add_argument("--endpoint-url", help="address of AWS, where it is not AWS's own")
    parser.add_argument("--profile", help="profile of the AWS configuration to run as")
    parser.add_argument("--seconds", type=float, default=60.0, help="deadline of a question")
    parser.add_argument("questions", nargs="+")
    given = parser.parse_args(arguments)

    def connect() -> Bulkhead:
        session = boto3.Session(profile_name=given.profile)
        return Bulkhead.from_config(
            given.config, session, app=given.app, endpoint_url=given.endpoint_url
        )

    try:
        left = asyncio.run(run(connect, given.questions, given.seconds))
    except (BulkheadError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if left == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
