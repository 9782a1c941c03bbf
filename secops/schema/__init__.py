"""The shared words: ECS columns, severities, dates as the ward writes them, text folding."""
