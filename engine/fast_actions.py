"""Two changes to how Rasa calls custom actions.

Rasa 3.6 builds a JSON-schema validator anew at every call, which costs two thirds of a turn: it is compiled once. The
check itself stays: same schema, same error. And where an action cannot be run, Rasa logs it and goes on: here the turn
is told, so that it fails as a whole.
"""

from typing import Any, Dict, List

from jsonschema.validators import validator_for
from rasa.core.actions.action import ActionExecutionRejection, RemoteAction
from rasa.shared.core.events import Event

from engine.turn import note_failed_action


def install() -> None:
    """Replace ``RemoteAction._validate_action_result`` and ``RemoteAction.run``."""
    schema = RemoteAction.action_response_format_spec()
    validator = validator_for(schema)(schema)

    def validate(self: RemoteAction, result: Dict[str, Any]) -> bool:
        validator.validate(result)
        return True

    run_as_rasa_does = RemoteAction.run

    async def run(self: RemoteAction, *args: Any, **kwargs: Any) -> List[Event]:
        try:
            return await run_as_rasa_does(self, *args, **kwargs)
        except ActionExecutionRejection:
            # A form that gives the word back is no failure.
            raise
        except Exception:
            note_failed_action(self.name())
            raise

    RemoteAction._validate_action_result = validate
    RemoteAction.run = run
