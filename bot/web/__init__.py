"""HTTP: the engine's action route. Webhooks, health and the staff console have their place here too."""
