"""Sends what a channel has to say, by what kind it is."""

from collections.abc import Callable
from datetime import UTC, datetime

from hub.channels.grouping import body_of_test
from hub.channels.mailing import Mailer
from hub.channels.records import Message
from hub.channels.store import DueChannel
from hub.webhooks.deciding import AttemptOutcome
from hub.webhooks.sending import SignedPost, WebhookSender
from protocol.ids import uuid7


class ChannelSender:
    """`clock` is the database's, in seconds since 1970."""

    def __init__(self, posts: WebhookSender, mails: Mailer, clock: Callable[[], float]) -> None:
        self._posts = posts
        self._mails = mails
        self._clock = clock

    async def send(self, due: DueChannel, message: Message) -> AttemptOutcome:
        """One attempt, whatever comes of it."""
        channel, sealed = due.channel, due.sealed
        if channel.recipients is not None:
            return await self._mails.send(
                channel.recipients, message.message_id, message.subject, message.body
            )
        return await self._posts.post(
            SignedPost(
                url=channel.url or "",
                headers={} if sealed is None else sealed.headers,
                secrets=[] if sealed is None else [sealed.secret],
                id=message.message_id,
                body=message.body,
            )
        )

    async def test(self, due: DueChannel) -> AttemptOutcome:
        """Of no meaning."""
        if due.channel.recipients is not None:
            body = f"This is a test of the channel {due.channel.name}.\n"
        else:
            body = body_of_test(self.now())
        message = Message(
            message_id=uuid7(), subject="A test of alerts", body=body, attempts=0, age=0.0
        )
        return await self.send(due, message)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def is_taken(outcome: AttemptOutcome) -> bool:
    return outcome.error is None and outcome.status is not None and 200 <= outcome.status < 300
