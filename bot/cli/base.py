"""What all commands share: errors told in words, and exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from bot.settings import SettingsError

BAD = 2


def fail(*sentences: str) -> typer.Exit:
    """Say what is wrong on standard error; raise what this returns."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    return typer.Exit(BAD)


@contextmanager
def told() -> Iterator[None]:
    """Turn every error that staff can act on into its sentences and exit code 2."""
    from bot.care.enrolment import EnrolmentError
    from bot.content import ContentError
    from bot.conversation.model import TrainingFailed
    from bot.conversation.process import EngineStartError
    from bot.escalation.policy import PolicyError
    from bot.escalation.rota import RotaError
    from bot.practice import PracticeError
    from bot.recovery.plan import PlanError
    from bot.safety.rules import RulesError
    from bot.store.database import StoreError
    from bot.store.vault import VaultError

    try:
        yield
    except (SettingsError, PracticeError, PlanError, RotaError, PolicyError) as error:
        raise fail(*error.faults) from error
    except (
        EnrolmentError,
        ContentError,
        TrainingFailed,
        EngineStartError,
        RulesError,
        StoreError,
        VaultError,
    ) as error:
        raise fail(str(error)) from error
