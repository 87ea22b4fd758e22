"""The stand-in itself: one Chatwoot account, served over HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from bridge.sim.chatwoot import (
    account_routes,
    contact_routes,
    control_routes,
    conversation_routes,
    inbox_routes,
    message_routes,
    messages,
    public_routes,
)
from bridge.sim.chatwoot.dashboard import Dashboard
from bridge.sim.chatwoot.faults import Faults
from bridge.sim.chatwoot.profile import Storage, profile_of
from bridge.sim.chatwoot.records import Contact, ContactInbox, Conversation, Inbox, Message
from bridge.sim.chatwoot.server import Requests, Server
from bridge.sim.chatwoot.texts import Locale
from bridge.sim.chatwoot.webhooks import Webhooks
from bridge.sim.chatwoot.world import World
from bridge.sim.watch import Watch


class ChatwootSim(Dashboard):
    """A Chatwoot with one account, one administrator, one agent and one agent bot.

    State lives as long as the object, so that serving twice is a restart. `latency` and
    `webhook_timeout` are seconds; `webhook_hold` delays every webhook by so many seconds, or with
    `webhook_shuffle` by a share of them that `seed` determines, which reorders them. `clock` gives
    Unix seconds. The limit of 200 messages a minute and conversation is off unless
    `flood_limit=200` is given, since benchmarks would meet it at once. `locale` is the
    account's, `account_locale` another one that it tells of itself: texts exist in two only.
    """

    def __init__(
        self,
        *,
        account_id: int = 1,
        account_name: str = "Padaria Aurora Ltda",
        version: str = "4.13.0",
        storage: Storage | None = None,
        latency: float = 0,
        locale: Locale = "en",
        account_locale: str | None = None,
        webhook_timeout: float = 5.0,
        webhook_hold: float = 0,
        webhook_shuffle: bool = False,
        seed: int = 0,
        refuse_private_webhooks: bool = False,
        inbox_events: bool = False,
        flood_limit: int | None = None,
        frontend_url: str | None = None,
        clock: Callable[[], float] = time.time,
        admin_token: str | None = None,
        agent_token: str | None = None,
        bot_token: str | None = None,
    ) -> None:
        world = World(
            account_id=account_id,
            account_name=account_name,
            profile=profile_of(version, storage),
            locale=locale,
            account_locale=account_locale,
            clock=clock,
        )
        super().__init__(world)
        world.base_url = frontend_url
        world.flood_limit = flood_limit
        world.inbox_events = inbox_events
        self.faults = Faults()
        self.requests = Requests()
        self.webhooks = Webhooks(
            world,
            timeout=webhook_timeout,
            hold=webhook_hold,
            shuffle=webhook_shuffle,
            seed=seed,
            refuse_private=refuse_private_webhooks,
            failed=self._webhook_failed,
        )
        self._watch = Watch()
        world.emit = self.webhooks.emit
        world.changed = self._watch.changed
        self._server = Server(
            world=world,
            faults=self.faults,
            requests=self.requests,
            latency=latency,
            foreign_accounts=frozenset({account_id + 1}),
        )
        self._frontend_url = frontend_url
        self.admin = self.add_user("Marina Duarte", role="administrator", token=admin_token)
        self.agent = self.add_user("Caio Nogueira", token=agent_token)
        self.bot = self.add_bot("Bot Aurora", token=bot_token)

    # who and what there is

    @property
    def account_id(self) -> int:
        return self.world.account_id

    @property
    def admin_token(self) -> str:
        return self.admin.token

    @property
    def agent_token(self) -> str:
        return self.agent.token

    @property
    def bot_token(self) -> str:
        """It opens the account only once the bot is attached to an inbox, as there."""
        return self.bot.token

    @property
    def latency(self) -> float:
        return self._server.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._server.latency = seconds

    @property
    def locale(self) -> Locale:
        return self.world.locale

    @locale.setter
    def locale(self, locale: Locale) -> None:
        self.world.locale = locale

    @property
    def account_locale(self) -> str:
        """What the account tells of itself: any locale, also one that has no texts here."""
        return self.world.account_locale or self.world.locale

    @account_locale.setter
    def account_locale(self, locale: str) -> None:
        self.world.account_locale = locale

    @property
    def inboxes(self) -> dict[int, Inbox]:
        return self.world.inboxes

    @property
    def contacts(self) -> dict[int, Contact]:
        return self.world.contacts

    @property
    def contact_inboxes(self) -> dict[int, ContactInbox]:
        return self.world.contact_inboxes

    @property
    def conversations(self) -> dict[int, Conversation]:
        """By display id, the id of every URL."""
        return self.world.conversations

    def messages(self, conversation_id: int | None = None) -> list[Message]:
        """The messages of one conversation, or all, oldest first. Activities are among them."""
        if conversation_id is None:
            return list(self.world.messages.values())
        return list(self.world.conversations[conversation_id].messages)

    # waiting

    async def wait_for(self, predicate: Callable[[], bool], timeout: float = 20.0) -> None:  # noqa: ASYNC109 -- handed to asyncio.timeout
        """Wait until the predicate holds, looking at every change; else `TimeoutError`."""
        await self._watch.wait_for(predicate, timeout)

    async def settled(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109 -- handed to asyncio.timeout
        """Wait until every webhook has been delivered or has failed, held ones too."""
        await self.wait_for(lambda: self.webhooks.pending == 0, timeout)

    # serving

    def app(self) -> web.Application:
        """The application; webhooks are delivered from its start to its cleanup."""
        return self._server.app(
            [
                # the busiest routes first: the router tries them in this order
                *message_routes.ROUTES,
                *conversation_routes.ROUTES,
                *contact_routes.ROUTES,
                *inbox_routes.ROUTES,
                *account_routes.ROUTES,
                *public_routes.ROUTES,
                *control_routes.routes_of(self),
            ],
            self._lifetime,
        )

    async def _lifetime(self, _app: web.Application) -> AsyncIterator[None]:
        await self.webhooks.start()
        yield
        self.faults.clear_hangs()
        await self.webhooks.stop()

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve on a real socket and give the URL; leaving it is a shutdown, state stays."""
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            shown = f"[{host}]" if ":" in host else host
            url = f"http://{shown}:{runner.addresses[0][1]}"
            self.world.base_url = self._frontend_url or url
            yield url
        finally:
            await runner.cleanup()

    def _webhook_failed(self, message: Message, error: str) -> None:
        """A failed delivery marks the message, which is told in turn (3.6)."""
        messages.set_status(self.world, message, "failed", error, actor=None)
