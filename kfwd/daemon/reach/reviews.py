"""What the API server says we may do, asked once however many routes want to know."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from kfwd.errors import KfwdError
from kfwd.kube.api import Api

_Question = tuple[str, str, str, str, str]


class Reviews:
    """Answers for the time of one look at a target; nothing is kept longer."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[_Question, bool] = {}
        self._asking: defaultdict[_Question, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def allowed(
        self, verb: str, resource: str, namespace: str, subresource: str, name: str
    ) -> bool:
        """Whether we may: for all names, which spares most questions, or for this one."""
        question = (verb, resource, namespace, subresource)
        return await self._ask((*question, "")) or await self._ask((*question, name))

    async def _ask(self, question: _Question) -> bool:
        """Where the API server does not say, trying will tell."""
        async with self._asking[question]:
            if question not in self._known:
                verb, resource, namespace, subresource, name = question
                try:
                    self._known[question] = await self._api.allowed(
                        verb, resource, namespace, subresource=subresource, name=name
                    )
                except KfwdError:
                    self._known[question] = True
        return self._known[question]
