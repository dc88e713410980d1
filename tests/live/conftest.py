from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.live.support import PROJECT, World, world

Story = Callable[[World], Coroutine[Any, Any, None]]


@pytest.fixture
def run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Story], None]:
    """Run a story in a running app: `run(story)`."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_live")
    monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)

    def tell(story: Story) -> None:
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "project.yaml").write_text(PROJECT)

        async def whole() -> None:
            async with world(folder) as running:
                await story(running)

        asyncio.run(whole())

    return tell


@pytest.fixture(scope="module")
def live_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Story], None]]:
    """One running app for all examples of a property: `live_world(story)`."""
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        patch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_live")
        patch.delenv("STRIPE_SECRET_KEY", raising=False)
        folder = tmp_path_factory.mktemp("live")
        (folder / "project.yaml").write_text(PROJECT)
        context = world(folder)
        running = runner.run(context.__aenter__())
        try:
            yield lambda story: runner.run(story(running))
        finally:
            runner.run(context.__aexit__(None, None, None))
