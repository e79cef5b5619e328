"""The application: people, messages, plans, alerts, the schedule and every port and secret; nothing here imports Rasa."""
