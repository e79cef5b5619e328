"""Time: the clock that is passed to everyone, and the tick that claims what has come due. The database holds the truth."""
