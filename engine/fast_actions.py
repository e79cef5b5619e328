"""Compile Rasa's check of an action's answer once.

Rasa 3.6 builds a JSON-schema validator anew at every custom action call, which costs two thirds of a turn. The check
itself stays: same schema, same error.
"""

from typing import Any, Dict

from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction


def install() -> None:
    """Replace ``RemoteAction._validate_action_result`` by one with a validator compiled beforehand."""
    schema = RemoteAction.action_response_format_spec()
    validator = validator_for(schema)(schema)

    def validate(self: RemoteAction, result: Dict[str, Any]) -> bool:
        validator.validate(result)
        return True

    RemoteAction._validate_action_result = validate
