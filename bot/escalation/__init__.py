"""Alerts and the people behind them: raising, paging, acknowledging, closing. An alert never just ends."""
