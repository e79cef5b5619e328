"""Rasa custom actions, one file a topic. Thin: they ask `bot.care`, stage effects on the turn, and speak; they never write."""

from rasa_sdk.interfaces import Action

from actions.base import HandrailAction
from bot.care.turn import OpenTurns


def all_actions(turns: OpenTurns) -> list[Action]:
    """Every action that the domain names, on these turns."""
    from actions import check_in, craving, family, forms, human, lapse, plan, skills, talk

    classes: tuple[type[HandrailAction], ...] = (
        craving.CravingStep, craving.AskTrigger, craving.AskChange, craving.FinishCraving,
        skills.AskWalk, skills.SkillStep, skills.FinishSkill,
        check_in.BeginCheckIn, check_in.CheckInStep, check_in.FinishCheckIn, check_in.CorrectCheckIn,
        lapse.BeginLapse, lapse.LapseStep, lapse.FinishLapse,
        plan.TellPlan,
        family.AnswerFamily, family.TellMore,
        human.RequestHuman, human.AnswerOffer,
        *forms.asking("craving_level", "craving_after", "skill_helped", *check_in.CheckInStep.slots, *lapse.LapseStep.slots),
        talk.Clear, talk.Say, talk.Mood, talk.TakeLevel, talk.Unsure, talk.Misunderstood, talk.MakeRoom,
    )  # fmt: skip
    return [action(turns) for action in classes]
