"""What a profile is: members, types, limits, keys and differences."""
