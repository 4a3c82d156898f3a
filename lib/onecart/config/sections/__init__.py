"""The settings of each room: typed, frozen, with their defaults."""
