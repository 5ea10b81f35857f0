"""What `token()` costs while a token is held: `python bench.py`."""

from __future__ import annotations

import asyncio
import timeit

from symbolon import Answer, AsyncTokenSource, ClientCredentials, Request, TokenSource

CALLS = 200_000
ROUNDS = 7


class Always:
    def send(self, request: Request, timeout: float) -> Answer:
        return Answer(200, {}, b'{"access_token": "t1", "expires_in": 3600}')


def main() -> None:
    dialect = ClientCredentials(token_url="https://auth.example.com/oauth/token", client_id="c", client_secret="s")
    source = TokenSource(dialect, transport=Always())
    source.token()
    best = min(timeit.repeat(source.token, number=CALLS, repeat=ROUNDS))
    print(f"TokenSource.token(): {best / CALLS * 1e9:.0f} ns")

    async def many(waiting: AsyncTokenSource) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(CALLS):
            await waiting.token()
        return loop.time() - began

    waiting = AsyncTokenSource(source)
    best = min(asyncio.run(many(waiting)) for _ in range(ROUNDS))
    print(f"AsyncTokenSource.token(): {best / CALLS * 1e9:.0f} ns")


if __name__ == "__main__":
    main()
