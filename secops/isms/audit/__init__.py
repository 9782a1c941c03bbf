"""Internal audit: items, verdicts, scores, who is next, who may audit whom, samples. Pure; files are read by wiring."""
