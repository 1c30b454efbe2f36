"""The production server: connections, heads and broken deliveries."""
