"""Models of one series at a time, and their backtest."""
