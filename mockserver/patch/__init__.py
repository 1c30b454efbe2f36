"""Operations applied to a profile, in three dialects."""
